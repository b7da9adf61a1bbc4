//! What `cargo xtask data` says of data for detection.

use datasets::detection_doctor::DetectionDoctorReport;
use datasets::detection_stats::{DetectionStats, Quantiles};

use crate::output;

/// Problems of one kind that are listed; the rest is counted.
const LISTED_PROBLEMS: usize = 20;

pub(super) fn print_stats(stats: &DetectionStats) {
    let mut head = vec!["class".to_owned()];
    head.extend(stats.splits.iter().flat_map(|split| [format!("{} objects", split.split), "images".to_owned()]));
    let mut rows = vec![head];
    for (class, name) in stats.classes.iter().enumerate() {
        let mut row = vec![name.clone()];
        for split in &stats.splits {
            row.extend([split.per_class[class].objects.to_string(), split.per_class[class].images.to_string()]);
        }
        rows.push(row);
    }
    let mut total = vec!["total".to_owned()];
    total.extend(stats.splits.iter().flat_map(|split| [split.objects.to_string(), split.images.to_string()]));
    rows.push(total);
    output::line(output::table(&rows));
    for split in &stats.splits {
        let areas = split.areas;
        output::line(format!(
            "\n{}: {} images without objects, {} groups of objects (crowd), {} objects with outlines or pixels",
            split.split, split.images_without_objects, split.crowd, split.with_shape
        ));
        output::line(format!("  {} small, {} medium, {} large objects", areas.small, areas.medium, areas.large));
        output::line(format!("  objects an image {}", spread(&split.objects_per_image)));
        output::line(format!("  width in pixels  {}", spread(&split.width)));
        output::line(format!("  height in pixels {}", spread(&split.height)));
        output::line(format!("  width to height  {}", spread(&split.aspect_ratio)));
    }
    super::print_image_stats(&stats.images, stats.ignored_files);
    for (kind, count) in &stats.problems {
        output::line(format!("{count} × {}; `data doctor` names them", kind.describe()));
    }
}

fn spread(quantiles: &Quantiles) -> String {
    let Quantiles { min, lower_quartile, median, upper_quartile, max } = quantiles;
    format!("{min:.1} to {max:.1}, half of them {lower_quartile:.1} to {upper_quartile:.1}, median {median:.1}")
}

pub(super) fn print_doctor(report: &DetectionDoctorReport) {
    for bad in &report.unreadable {
        output::line(format!("unreadable  {} ({}): {}", bad.source, bad.split, bad.problem));
    }
    for copies in &report.duplicates {
        let places: Vec<String> = copies.samples.iter().map(|(split, source)| format!("{source} ({split})")).collect();
        let kind = match (copies.annotations_differ, copies.across_splits) {
            (true, _) => "same image, different objects",
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
    for image in &report.size_mismatches {
        let ((width, height), (actual_width, actual_height)) = (image.stated, image.actual);
        output::line(format!(
            "size  {}: {actual_width}×{actual_height} pixels, the annotation says {width}×{height}",
            image.source
        ));
    }
    for (kind, count) in report.problem_counts() {
        let of_kind = report.problems.iter().filter(|problem| problem.kind == kind);
        for problem in of_kind.take(LISTED_PROBLEMS) {
            output::line(format!("{}  {problem}", kind.describe()));
        }
        if count > LISTED_PROBLEMS {
            output::line(format!("{}  … and {} more; --json has all", kind.describe(), count - LISTED_PROBLEMS));
        }
    }
    if report.is_imbalanced() {
        output::line(format!(
            "imbalanced  the largest class has {:.1} times the objects of the smallest",
            report.imbalance
        ));
    }
    let verdict = if report.is_healthy() { "nothing wrong" } else { "see above" };
    output::line(format!("{} images checked: {verdict}", report.checked));
}
