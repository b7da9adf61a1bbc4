//! A run that was killed or interrupted goes on as if nothing had happened.

use std::time::{Duration, Instant};

use crate::program::{Program, SMALL_RUN, assert_same_run, wait};

/// A checkpoint after every optimiser step.
const EVERY_STEP: &str = "train.checkpoint_minutes=0.0000001";

/// Waits until the run in `out` has a checkpoint of at least `epoch` epochs and `batches` batches; false when the program ended
/// before.
fn wait_for_checkpoint(
    program: &Program,
    child: &mut std::process::Child,
    out: &str,
    epoch: u64,
    batches: u64,
) -> bool {
    let started = Instant::now();
    loop {
        let state = std::fs::read(program.path(&format!("{out}/checkpoints/last/state.json"))).unwrap_or_default();
        if let Ok(state) = serde_json::from_slice::<serde_json::Value>(&state)
            && (state["epoch"].as_u64(), state["batches_done"].as_u64()) >= (Some(epoch), Some(batches))
        {
            return true;
        }
        if child.try_wait().expect("a child").is_some() {
            return false;
        }
        assert!(started.elapsed() < Duration::from_secs(120), "no checkpoint after two minutes");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn killed_at_a_random_step_and_resumed_equals_uninterrupted() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "whole", "--quiet"]).expect(0);

    let arguments = ["train", "run.toml", "--out", "parts", "--quiet", "--set", EVERY_STEP];
    let mut child = program.start(&arguments);
    // In the middle of the second epoch, after a delay that differs from run to run.
    let ended_early = !wait_for_checkpoint(&program, &mut child, "parts", 1, 4);
    let jitter = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").subsec_nanos();
    std::thread::sleep(Duration::from_micros(u64::from(jitter % 20_000)));
    child.kill().expect("SIGKILL");
    child.wait().expect("it ends");
    assert!(!ended_early, "the run was over before it could be killed");

    let killed_at = program.json("parts/checkpoints/last/state.json");
    println!("killed after epoch {} and {} batches", killed_at["epoch"], killed_at["batches_done"]);
    program.run(&["train", "--resume", "parts", "--quiet"]).expect(0);
    assert_same_run(&program, "whole", "parts");
}

#[cfg(unix)]
#[test]
fn ctrl_c_writes_a_checkpoint_and_tells_how_to_go_on() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "whole", "--quiet"]).expect(0);

    let mut child = program.start(&["train", "run.toml", "--out", "parts", "--quiet", "--set", EVERY_STEP]);
    assert!(wait_for_checkpoint(&program, &mut child, "parts", 0, 4), "the run was over before Ctrl-C");
    // SAFETY: the child has not been waited for, so its number still names it.
    let sent = unsafe { libc::kill(child.id() as libc::pid_t, libc::SIGINT) };
    assert_eq!(sent, 0);
    let ended = wait(child).expect(130);
    assert!(ended.stderr.contains("cargo xtask train --resume parts"), "{}", ended.stderr);

    program.run(&["train", "--resume", "parts", "--quiet"]).expect(0);
    assert_same_run(&program, "whole", "parts");
}

#[test]
fn a_finished_run_can_be_given_more_epochs() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "whole", "--quiet", "--set", "train.epochs=3"]).expect(0);
    program.run(&["train", "run.toml", "--out", "parts", "--quiet", "--set", "train.epochs=2"]).expect(0);
    program.run(&["train", "--resume", "parts", "--quiet", "--set", "train.epochs=3"]).expect(0);
    assert_same_run(&program, "whole", "parts");
}

#[test]
fn resuming_with_other_data_is_refused() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "run", "--quiet", "--epochs", "1"]).expect(0);
    let ended = program.run(&["train", "--resume", "run", "--quiet", "--set", "data.seed=9"]).expect(1);
    assert!(ended.stderr.contains("fingerprint"), "{}", ended.stderr);
}
