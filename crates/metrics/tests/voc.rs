//! A published example of Pascal VOC's average precision, where `OKULO_TEST_DATA` has it.

use std::path::Path;

use metrics::{VocBoxes, VocFound, VocInterpolation, VocKnown, VocSettings};

/// Lines of a class and numbers, the last four `x y width height`.
fn lines(path: &Path) -> Vec<Vec<f64>> {
    let text = std::fs::read_to_string(path).expect("a readable file");
    let numbers = |line: &str| line.split_whitespace().skip(1).map(|word| word.parse().expect("a number")).collect();
    text.lines().filter(|line| !line.trim().is_empty()).map(numbers).collect()
}

fn corners(numbers: &[f64]) -> [f64; 4] {
    let [x, y, width, height] = numbers[numbers.len() - 4..] else { unreachable!("four of them") };
    [x, y, x + width, y + height]
}

#[test]
fn a_published_example_has_its_published_figures() {
    let Some(data) = std::env::var_os("OKULO_TEST_DATA") else {
        eprintln!("skipped: OKULO_TEST_DATA is not set");
        return;
    };
    let folder = Path::new(&data).join("od-metrics-toy");
    // Padilla et al. 2020, "A Survey on Performance Metrics for Object-Detection Algorithms": IoU 0.3, corners that are
    // pixels; 24.56 % with every point, 26.84 % with eleven.
    for (interpolation, expected) in [(VocInterpolation::EveryPoint, 24.56), (VocInterpolation::ElevenPoint, 26.84)] {
        let mut boxes = VocBoxes::new(VocSettings { iou_threshold: 0.3, interpolation, inclusive_corners: true });
        let mut images: Vec<_> = std::fs::read_dir(folder.join("groundtruths"))
            .expect("a folder")
            .map(|entry| entry.unwrap().file_name())
            .collect();
        images.sort();
        assert_eq!(images.len(), 7);
        for image in images {
            let known = lines(&folder.join("groundtruths").join(&image));
            let found = lines(&folder.join("detections").join(&image));
            boxes.add(
                known.iter().map(|line| VocKnown { xyxy: corners(line), class: 0, difficult: false }).collect(),
                found.iter().map(|line| VocFound { xyxy: corners(line), class: 0, score: line[0] }).collect(),
            );
        }
        let percent = 100.0 * boxes.map(1).expect("there are objects");
        assert!((percent - expected).abs() < 0.01, "{interpolation:?}: {percent}, expected {expected}");
    }
}
