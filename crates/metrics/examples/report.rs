//! Prints the figures of a classifier from lines of `true class, score, score, …` on standard input:
//!
//! ```text
//! printf '0, 0.9, 0.1\n1, 0.6, 0.4\n' | cargo run -p metrics --example report
//! ```

use std::error::Error;
use std::io::BufRead;

use metrics::{ClassificationMetrics, Metric};
use vision_types::{ClassNames, ClassScores};

fn main() -> Result<(), Box<dyn Error>> {
    let mut metrics: Option<ClassificationMetrics> = None;
    for (number, line) in std::io::stdin().lock().lines().enumerate() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let at = |problem: String| format!("line {}: {problem}", number + 1);
        let mut fields = line.split(',').map(str::trim);
        let target = fields.next().unwrap_or_default();
        let target: usize =
            target.parse().map_err(|_| at(format!("found `{target}`, expected the number of the true class")))?;
        let scores = fields
            .map(|field| field.parse::<f32>().map_err(|_| at(format!("found `{field}`, expected a score"))))
            .collect::<Result<Vec<f32>, String>>()?;
        let classes = scores.len();
        metrics
            .get_or_insert_with(|| {
                ClassificationMetrics::new(ClassNames::new((0..classes).map(|class| format!("class {class}"))))
            })
            .update(&[ClassScores(scores)], &[target])
            .map_err(|error| at(error.to_string()))?;
    }
    let Some(metrics) = metrics else { return Err("no lines on standard input".into()) };

    let summary = metrics.summary();
    println!("{} samples", summary.samples);
    for score in &summary.scores {
        match score.value {
            Some(value) => println!("{:>20} {value:.4}", score.name),
            None => println!("{:>20} not defined", score.name),
        }
    }
    println!("\n{:>20} {:>8} {:>9} {:>8} {:>8}", "class", "support", "precision", "recall", "f1");
    for row in &summary.per_class {
        println!("{:>20} {:>8} {:>9.4} {:>8.4} {:>8.4}", row.class, row.support, row.precision, row.recall, row.f1);
    }
    for confusion in summary.confusion_matrix.most_confused(5) {
        println!("class {} taken for class {}: {} times", confusion.target, confusion.predicted, confusion.count);
    }
    Ok(())
}
