//! The same configuration gives the same weights, bit for bit, whatever the number of threads.

use crate::program::{Program, SMALL_RUN, assert_same_run, digest};

#[test]
fn weights_do_not_depend_on_loader_or_compute_threads() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    for (out, workers, threads) in [("one", "0", "1"), ("two", "1", "2"), ("three", "3", "4")] {
        let arguments = ["train", "run.toml", "--out", out, "--workers", workers, "--quiet"];
        program.run_with(&arguments, &[("RAYON_NUM_THREADS", threads)]).expect(0);
    }
    assert_same_run(&program, "one", "two");
    assert_same_run(&program, "one", "three");
}

#[test]
fn bf16_training_is_as_exact_and_another_run_than_f32() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    for (out, precision, threads) in [("single", "f32", "1"), ("one", "bf16", "1"), ("two", "bf16", "2")] {
        let precision = format!("train.precision={precision}");
        let arguments = ["train", "run.toml", "--out", out, "--set", &precision, "--quiet"];
        program.run_with(&arguments, &[("RAYON_NUM_THREADS", threads)]).expect(0);
    }
    assert_same_run(&program, "one", "two");
    let weights = |run: &str| digest(&program.bytes(&format!("{run}/checkpoints/last/model.safetensors")));
    assert_ne!(weights("single"), weights("one"));
}

#[test]
fn another_seed_gives_other_weights() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    for (out, seed) in [("one", "1"), ("two", "2")] {
        let arguments = ["train", "run.toml", "--out", out, "--seed", seed, "--epochs", "1", "--quiet"];
        program.run(&arguments).expect(0);
    }
    let digests =
        ["one", "two"].map(|run| digest(&program.bytes(&format!("{run}/checkpoints/last/model.safetensors"))));
    assert_ne!(digests[0], digests[1]);
}

#[test]
fn a_resolved_configuration_repeats_its_run() {
    let program = Program::new();
    program.write("run.toml", SMALL_RUN);
    program.run(&["train", "run.toml", "--out", "one", "--set", "optim.lr=0.03", "--quiet"]).expect(0);
    program.run(&["train", "one/config.toml", "--out", "two", "--quiet"]).expect(0);
    assert_same_run(&program, "one", "two");
}
