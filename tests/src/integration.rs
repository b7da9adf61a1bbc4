//! Tests of the whole program, as a user runs it.

mod bad_input;
mod command_line;
mod detection;
mod detection_data;
mod detection_report;
mod determinism;
mod evaluation_files;
mod fine_tuning;
mod pretrained;
mod program;
mod resume;
mod segmentation;
