//! The files of a run.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::atomic_file;
use crate::config::{AnyRunConfig, RunConfig, TaskTables};
use crate::error::TrainError;
use crate::training::checkpoint::MODEL_FILE;
use crate::training::fit::FitFiles;

/// A folder with everything a run leaves behind; its layout is described in `docs/architecture.md`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDirectory {
    path: PathBuf,
}

/// Under what circumstances a run was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// Okulo's version.
    pub version: String,
    /// The source commit, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The backend's feature: `cpu`, `ndarray` or `cuda`.
    pub backend: String,
    /// Operating system and processor architecture.
    pub platform: String,
    /// The processor's name, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processor: Option<String>,
    /// Compute threads.
    pub threads: usize,
    /// Loader threads.
    pub workers: usize,
    /// The run's seed.
    pub seed: u64,
    /// Digest of the data's names, labels and sizes.
    pub data_fingerprint: String,
}

const CONFIG_FILE: &str = "config.toml";
const ENVIRONMENT_FILE: &str = "environment.json";
const RESULTS_FILE: &str = "results.csv";
const SUMMARY_FILE: &str = "summary.json";
const REPORT_FILE: &str = "report.html";
const CHECKPOINT_FOLDER: &str = "checkpoints";
const SAMPLES_FOLDER: &str = "samples";

impl RunDirectory {
    /// Makes a new run directory and writes `config` into it.
    ///
    /// # Errors
    ///
    /// [`TrainError::RunExists`] when `path` holds a run already, unless `overwrite`; or when the folder cannot be
    /// written.
    pub fn create<K: TaskTables>(path: &Path, config: &RunConfig<K>, overwrite: bool) -> Result<Self, TrainError> {
        let run = Self { path: path.to_owned() };
        if run.config_file().exists() {
            if !overwrite {
                return Err(TrainError::RunExists { path: path.to_owned() });
            }
            run.clear()?;
        }
        for folder in [run.path.clone(), run.path.join(CHECKPOINT_FOLDER), run.samples_folder()] {
            fs::create_dir_all(&folder).map_err(TrainError::file(&folder))?;
        }
        run.replace_config(config)?;
        Ok(run)
    }

    /// Opens an existing run directory.
    ///
    /// # Errors
    ///
    /// [`TrainError::NotARun`] when there is no configuration in it.
    pub fn open(path: &Path) -> Result<Self, TrainError> {
        let run = Self { path: path.to_owned() };
        if !run.config_file().is_file() {
            let reason =
                if path.exists() { format!("it has no {CONFIG_FILE}") } else { "there is no such folder".to_owned() };
            return Err(TrainError::NotARun { path: path.to_owned(), reason });
        }
        for folder in [run.last_checkpoint(), run.best_checkpoint()] {
            atomic_file::recover_folder(&folder).map_err(TrainError::file(&folder))?;
        }
        Ok(run)
    }

    /// Removes what an earlier run left; files that no run writes stay.
    fn clear(&self) -> Result<(), TrainError> {
        for folder in [self.path.join(CHECKPOINT_FOLDER), self.samples_folder()] {
            match fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(TrainError::File { path: folder, source: error });
                }
                _ => {}
            }
        }
        for file in [RESULTS_FILE, SUMMARY_FILE, REPORT_FILE, ENVIRONMENT_FILE, CONFIG_FILE] {
            match fs::remove_file(self.path.join(file)) {
                Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                    return Err(TrainError::File { path: self.path.join(file), source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its last part, which names the run.
    pub fn name(&self) -> String {
        let full = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        full.file_name().unwrap_or(full.as_os_str()).to_string_lossy().into_owned()
    }

    /// The resolved configuration.
    pub fn config_file(&self) -> PathBuf {
        self.path.join(CONFIG_FILE)
    }

    /// The summary for programs.
    pub fn summary_file(&self) -> PathBuf {
        self.path.join(SUMMARY_FILE)
    }

    /// The report for people.
    pub fn report_file(&self) -> PathBuf {
        self.path.join(REPORT_FILE)
    }

    /// Pictures of batches.
    pub fn samples_folder(&self) -> PathBuf {
        self.path.join(SAMPLES_FOLDER)
    }

    /// The checkpoint that a resume goes on from.
    pub fn last_checkpoint(&self) -> PathBuf {
        self.path.join(CHECKPOINT_FOLDER).join("last")
    }

    /// The weights of the best epoch.
    pub fn best_checkpoint(&self) -> PathBuf {
        self.path.join(CHECKPOINT_FOLDER).join("best")
    }

    /// The weights to predict with: the best epoch's, or the last checkpoint's where no epoch has ended.
    ///
    /// # Errors
    ///
    /// [`TrainError::NotARun`] when there are neither.
    pub fn weights_file(&self) -> Result<PathBuf, TrainError> {
        [self.best_checkpoint(), self.last_checkpoint()]
            .into_iter()
            .map(|folder| folder.join(MODEL_FILE))
            .find(|file| file.is_file())
            .ok_or_else(|| TrainError::NotARun {
                path: self.path.clone(),
                reason: "it has no checkpoint yet".to_owned(),
            })
    }

    /// The files that the training loop writes.
    pub fn fit_files(&self) -> FitFiles {
        FitFiles { last: self.last_checkpoint(), best: self.best_checkpoint(), results: self.path.join(RESULTS_FILE) }
    }

    /// Reads the resolved configuration, with `overrides` applied.
    ///
    /// # Errors
    ///
    /// When the file is missing or damaged, or an override does not fit.
    pub fn read_config(&self, overrides: &[String]) -> Result<AnyRunConfig, TrainError> {
        Ok(AnyRunConfig::read(&self.config_file(), overrides)?)
    }

    /// Replaces the resolved configuration, as a resume with other settings does.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn replace_config<K: TaskTables>(&self, config: &RunConfig<K>) -> Result<(), TrainError> {
        let text = config.to_toml()?;
        atomic_file::write(&self.config_file(), text.as_bytes()).map_err(TrainError::file(self.config_file()))
    }

    /// Writes the circumstances of the run.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_environment(&self, environment: &Environment) -> Result<(), TrainError> {
        self.write_json(ENVIRONMENT_FILE, environment)
    }

    /// Reads the circumstances that the run was started under.
    ///
    /// # Errors
    ///
    /// When the file is missing or damaged.
    pub fn read_environment(&self) -> Result<Environment, TrainError> {
        let path = self.path.join(ENVIRONMENT_FILE);
        let text = fs::read_to_string(&path).map_err(TrainError::file(&path))?;
        serde_json::from_str(&text).map_err(|error| TrainError::Format { path, reason: error.to_string() })
    }

    /// Writes the summary for programs.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_summary(&self, summary: &impl Serialize) -> Result<(), TrainError> {
        self.write_json(SUMMARY_FILE, summary)
    }

    /// Writes the report for people.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write_report(&self, html: &str) -> Result<(), TrainError> {
        let path = self.report_file();
        atomic_file::write(&path, html.as_bytes()).map_err(TrainError::file(path))
    }

    fn write_json(&self, file: &str, value: &impl Serialize) -> Result<(), TrainError> {
        let path = self.path.join(file);
        let mut bytes = serde_json::to_vec_pretty(value)
            .map_err(|error| TrainError::Format { path: path.clone(), reason: error.to_string() })?;
        bytes.push(b'\n');
        atomic_file::write(&path, &bytes).map_err(TrainError::file(path))
    }
}
