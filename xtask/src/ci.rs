//! `cargo xtask ci`: every check of the project, in order, with one command.
//!
//! All builds share one target folder and the artifacts of the release build that `cargo xtask` itself is (see
//! `.ci/checks.toml`), so that dependencies are compiled once. Cheap checks come first, and tests last, so that the log
//! ends with cargo's own account of them.

mod command;
mod extending;
mod own_checks;

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};

use command::CargoCommand;

/// The library crates, each of which must build alone and without any backend.
const LIBRARIES: [&str; 9] =
    ["vision-types", "tensor-backend", "augment", "pictures", "datasets", "models", "losses", "metrics", "trainer"];

/// The profile of every build: that of `cargo xtask` with more checks in our own code.
const CHECKED: [&str; 4] = ["--profile", "bench", "--config", ".ci/checks.toml"];

/// Runs every check: formatting, recipes, lints, documentation, each crate alone, other backends, tests.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct CiArguments {
    /// Run this step alone; may be given several times.
    #[arg(long, value_name = "STEP")]
    only: Vec<Step>,
    /// Go on after a step has failed.
    #[arg(long)]
    keep_going: bool,
    /// List the steps with their commands, and run nothing.
    #[arg(long)]
    list: bool,
}

/// One check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Step {
    /// The code is formatted.
    Format,
    /// Every recipe in configs/ is valid.
    Recipes,
    /// docs/configuration.md is what the code says.
    Configuration,
    /// Each feature brings its own backend and no other; libraries bring none.
    Backends,
    /// No compiler or clippy warnings, all targets.
    Lints,
    /// The API documentation builds without warnings.
    Documentation,
    /// Each library crate builds alone and without features.
    Alone,
    /// No warnings with the ndarray backend.
    LintsNdarray,
    /// No warnings with the CUDA backend.
    LintsCuda,
    /// The examples of docs/extending compile and run where their recipes put them.
    Extending,
    /// All tests pass.
    Tests,
}

/// What a step does.
enum Work {
    /// Runs cargo, once for each command.
    Cargo(Vec<CargoCommand>),
    /// Looks for itself.
    Own(fn() -> anyhow::Result<()>),
}

impl Step {
    /// The steps in the order in which they run.
    const ALL: [Self; 11] = [
        Self::Format,
        Self::Recipes,
        Self::Configuration,
        Self::Backends,
        Self::Lints,
        Self::Documentation,
        Self::Alone,
        Self::LintsNdarray,
        Self::LintsCuda,
        Self::Extending,
        Self::Tests,
    ];

    /// Its name on the command line.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// What it shows, in a line.
    fn meaning(self) -> String {
        let help = self.to_possible_value().and_then(|value| value.get_help().map(ToString::to_string));
        help.unwrap_or_default()
    }

    fn work(self) -> Work {
        let lints = |selection: &[&str]| {
            CargoCommand::new(["clippy"]).with(selection).with(&CHECKED).with(&["--", "-D", "warnings"])
        };
        let backend = |feature: &str| {
            lints(&["--package", "xtask", "--no-default-features", "--features", feature, "--all-targets"])
        };
        match self {
            Self::Format => Work::Cargo(vec![CargoCommand::new(["fmt", "--all", "--check"])]),
            Self::Recipes => Work::Own(own_checks::recipes),
            Self::Configuration => Work::Own(own_checks::configuration_page),
            Self::Backends => Work::Own(own_checks::backends),
            Self::Lints => Work::Cargo(vec![lints(&["--workspace", "--all-targets"])]),
            Self::Documentation => Work::Cargo(vec![
                CargoCommand::new(["doc", "--workspace", "--no-deps"])
                    .with(&CHECKED)
                    .environment("RUSTDOCFLAGS", "-D warnings"),
            ]),
            Self::Alone => Work::Cargo(
                LIBRARIES.map(|library| CargoCommand::new(["check", "--package", library]).with(&CHECKED)).to_vec(),
            ),
            Self::LintsNdarray => Work::Cargo(vec![backend("ndarray")]),
            Self::LintsCuda => Work::Cargo(vec![backend("cuda")]),
            Self::Extending => Work::Own(extending::examples),
            Self::Tests => Work::Cargo(vec![CargoCommand::new(["test", "--workspace"]).with(&CHECKED)]),
        }
    }

    /// The command that runs this step alone.
    fn alone(self) -> String {
        format!("cargo xtask ci --only {}", self.name())
    }

    /// Runs it; the error names what failed and the command that repeats it.
    fn run(self) -> anyhow::Result<()> {
        match self.work() {
            Work::Own(check) => check().with_context(|| format!("repeat with: {}", self.alone())),
            Work::Cargo(commands) => {
                for command in commands {
                    println!("$ {command}");
                    command.run().with_context(|| format!("repeat with: {command}"))?;
                }
                Ok(())
            }
        }
    }
}

/// How a step ended.
struct Outcome {
    step: Step,
    seconds: Duration,
    failure: Option<anyhow::Error>,
}

/// Runs the checks, from any folder of the project.
///
/// # Errors
///
/// When a step fails: the steps' names. What failed and how to repeat it is printed as it happens, a table at the end.
pub(crate) fn run(arguments: CiArguments) -> anyhow::Result<()> {
    let chosen = |step: &Step| arguments.only.is_empty() || arguments.only.contains(step);
    let steps: Vec<Step> = Step::ALL.into_iter().filter(chosen).collect();
    if arguments.list {
        steps.into_iter().for_each(list);
        return Ok(());
    }
    let mut outcomes: Vec<Outcome> = Vec::new();
    for (position, &step) in steps.iter().enumerate() {
        println!("\n==> [{}/{}] {}: {}", position + 1, steps.len(), step.name(), step.meaning());
        let started = Instant::now();
        let failure = step.run().err();
        let failed = failure.is_some();
        if let Some(error) = &failure {
            // The outermost context is how to repeat it; what went wrong comes before.
            println!("\n==> {} FAILED", step.name());
            error.chain().skip(1).for_each(|cause| println!("    {cause}"));
            println!("    {error}");
        }
        outcomes.push(Outcome { step, seconds: started.elapsed(), failure });
        if failed && !arguments.keep_going {
            break;
        }
    }
    print!("\n{}", table(&steps, &outcomes));
    let failed: Vec<String> =
        outcomes.iter().filter(|outcome| outcome.failure.is_some()).map(|outcome| outcome.step.name()).collect();
    if failed.is_empty() {
        return Ok(());
    }
    bail!("checks failed: {}", failed.join(", "));
}

/// Prints a step with its commands.
fn list(step: Step) {
    println!("{:<14} {}", step.name(), step.meaning());
    match step.work() {
        Work::Own(_) => println!("{:14} $ {}", "", step.alone()),
        Work::Cargo(commands) => commands.iter().for_each(|command| println!("{:14} $ {command}", "")),
    }
}

/// A line a step: name, result, time; then the sum.
fn table(steps: &[Step], outcomes: &[Outcome]) -> String {
    let mut text = String::new();
    for &step in steps {
        let line = match outcomes.iter().find(|outcome| outcome.step == step) {
            Some(Outcome { seconds, failure, .. }) => {
                let result = if failure.is_some() { "FAILED" } else { "ok" };
                format!("{:<14} {result:<8} {:>8}", step.name(), minutes(*seconds))
            }
            None => format!("{:<14} not run", step.name()),
        };
        text.push_str(&line);
        text.push('\n');
    }
    let total = outcomes.iter().map(|outcome| outcome.seconds).sum();
    text.push_str(&format!("{:<14} {:<8} {:>8}\n", "all", "", minutes(total)));
    text
}

/// `4:05` for four minutes and five seconds.
fn minutes(duration: Duration) -> String {
    let seconds = duration.as_secs_f64().round() as u64;
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_has_every_step_once() {
        let mut ordered = Step::ALL.map(Step::name).to_vec();
        let mut declared: Vec<String> = Step::value_variants().iter().map(|step| step.name()).collect();
        assert_eq!(Step::ALL.last(), Some(&Step::Tests), "the log ends with the tests");
        ordered.sort();
        declared.sort();
        assert_eq!(ordered, declared);
        assert!(Step::ALL.iter().all(|step| !step.meaning().is_empty()));
    }

    #[test]
    fn the_table_tells_failed_steps_from_those_that_were_not_reached() {
        let outcome = |step, seconds, failure| Outcome { step, seconds: Duration::from_secs(seconds), failure };
        let outcomes = [outcome(Step::Format, 2, None), outcome(Step::Lints, 125, Some(anyhow::anyhow!("a lint")))];
        assert_eq!(
            table(&[Step::Format, Step::Lints, Step::Tests], &outcomes),
            "format         ok           0:02\n\
             lints          FAILED       2:05\n\
             tests          not run\n\
             all                         2:07\n"
        );
    }

    #[test]
    fn lints_and_tests_are_built_alike() {
        for step in [Step::Lints, Step::LintsCuda, Step::Tests, Step::Documentation, Step::Alone] {
            let Work::Cargo(commands) = step.work() else { panic!("{step:?} runs cargo") };
            for command in commands {
                assert!(command.to_string().contains("--profile bench --config .ci/checks.toml"), "{command}");
            }
        }
    }
}
