//! What `cargo xtask data` says of data for segmentation.

use datasets::segmentation_doctor::SegmentationDoctorReport;
use datasets::segmentation_stats::{ClassPixels, SegmentationStats};

use crate::output;

/// Problems of one kind that are listed; the rest is counted.
const LISTED_PROBLEMS: usize = 20;

pub(super) fn print_stats(stats: &SegmentationStats) {
    let mut head = vec!["class".to_owned()];
    head.extend(
        stats
            .splits
            .iter()
            .flat_map(|split| [format!("{} pixels", split.split), "share".to_owned(), "images".to_owned()]),
    );
    let mut rows = vec![head];
    let mut row_of = |name: &str, figures: &dyn Fn(usize) -> ClassPixels| {
        let mut row = vec![name.to_owned()];
        for (number, split) in stats.splits.iter().enumerate() {
            let ClassPixels { pixels, images } = figures(number);
            let share = pixels as f64 / split.pixels().max(1) as f64 * 100.0;
            row.extend([pixels.to_string(), format!("{share:.2} %"), images.to_string()]);
        }
        rows.push(row);
    };
    for (class, name) in stats.classes.iter().enumerate() {
        row_of(name, &|split| stats.splits[split].per_class[class]);
    }
    row_of("(ignored)", &|split| stats.splits[split].ignored);
    row_of("total", &|split| {
        let split = &stats.splits[split];
        ClassPixels { pixels: split.pixels(), images: split.images }
    });
    output::line(output::table(&rows));
    super::print_image_stats(&stats.images, stats.ignored_files);
    for (kind, count) in &stats.problems {
        output::line(format!("{count} × {}; `data doctor` names them", kind.describe()));
    }
}

pub(super) fn print_doctor(report: &SegmentationDoctorReport) {
    for bad in &report.unreadable {
        output::line(format!("unreadable  {} ({}): {}", bad.source, bad.split, bad.problem));
    }
    for bad in &report.bad_masks {
        output::line(format!("mask  {} ({}): {}", bad.source, bad.split, bad.problem));
    }
    for copies in &report.duplicates {
        let places: Vec<String> = copies.samples.iter().map(|(split, source)| format!("{source} ({split})")).collect();
        let kind = match (copies.annotations_differ, copies.across_splits) {
            (true, _) => "same image, different masks",
            (false, true) => "same image in several splits",
            (false, false) => "same image",
        };
        output::line(format!("{kind}  {}", places.join(" = ")));
    }
    for file in &report.wrong_extensions {
        output::line(format!("misnamed  {}: {} named as {}", file.source, file.content, file.extension));
    }
    for image in &report.tiny {
        output::line(format!("tiny  {}: {}×{}", image.source, image.width, image.height));
    }
    for source in &report.all_ignored {
        output::line(format!("ignored  {source}: every pixel of its mask is ignored"));
    }
    for problem in report.problems.iter().take(LISTED_PROBLEMS) {
        output::line(format!("{}  {problem}", problem.kind.describe()));
    }
    if report.problems.len() > LISTED_PROBLEMS {
        output::line(format!("… and {} more; --json has all", report.problems.len() - LISTED_PROBLEMS));
    }
    let absent = report.absent_classes();
    if !absent.is_empty() {
        output::line(format!("absent  no training image shows {}", absent.join(", ")));
    }
    if report.is_imbalanced() {
        output::line(format!(
            "imbalanced  the largest class has {:.1} times the pixels of the smallest",
            report.imbalance
        ));
    }
    let verdict = if report.is_healthy() { "nothing wrong" } else { "see above" };
    output::line(format!("{} images checked: {verdict}", report.checked));
}
