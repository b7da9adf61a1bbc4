//! Tasks, the training loop, checkpoints, schedules, run directory and reports.
