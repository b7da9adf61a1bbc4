//! One class an image: the task, whole training runs, evaluation of a run, and prediction.

mod evaluation;
mod pictures;
mod predictor;
mod run;
mod task;

pub use evaluation::{RunEvaluation, evaluate_run};
pub use predictor::{ModelDescription, Prediction, Predictor};
pub use run::{NewRun, Outcome, Start, Summary, resume_run, start_run};
pub use task::ClassificationTask;
