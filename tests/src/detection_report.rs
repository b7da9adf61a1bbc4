//! The page that a detector's run leaves: every part of the closer look is there, with what was measured in it.

use crate::detection::SMALL_DETECTOR;
use crate::program::Program;

/// The text between `start` and the next `end`.
fn between<'a>(page: &'a str, start: &str, end: &str) -> &'a str {
    let from = page.find(start).unwrap_or_else(|| panic!("no `{start}` on the page")) + start.len();
    let length = page[from..].find(end).unwrap_or_else(|| panic!("no `{end}` after `{start}`"));
    &page[from..from + length]
}

#[test]
fn the_page_shows_curves_confusions_error_costs_sizes_and_pictures() {
    let program = Program::new();
    program.write("run.toml", SMALL_DETECTOR);
    let arguments =
        ["train", "run.toml", "--out", "run", "--quiet", "--json", "--epochs", "1", "--set", "data.train=12"];
    let summary = program.run(&arguments).expect(0).json();
    let page = String::from_utf8(program.bytes("run/report.html")).expect("UTF-8");
    let look = between(&page, "<section id=\"evaluation\">", "</section>");
    assert!(look.contains("Detections on test"), "the test split comes before the others");

    let evaluation = program.run(&["eval", "run", "--split", "test", "--json"]).expect(0).json();
    let rows = evaluation["per_class"].as_array().expect("a row a class");
    let present = rows.iter().filter(|row| !row["ap"].is_null()).count();
    assert!(present > 0, "{rows:?}");

    // A curve of both charts for every class that occurs, one line each.
    for (title, axes) in
        [("Precision and recall", ["recall", "precision"]), ("F1 and confidence", ["confidence", "F1"])]
    {
        let start = format!("<span class=\"chart-title\">{title}</span>");
        let chart = between(look, &start, "</figure>");
        let lines = chart.matches("<polyline").count();
        assert_eq!(lines, present, "{title}");
        for axis in axes {
            assert!(chart.contains(&format!(">{axis}</text>")), "{title} names its axis {axis}");
        }
        let legend = between(chart, "<div class=\"legend below\">", "</div>");
        for row in rows.iter().filter(|row| !row["ap"].is_null()) {
            let class = row["class"].as_str().expect("a name");
            assert!(legend.contains(class), "{title} names {class}");
        }
    }

    // The confusion matrix has a row and a column for the background.
    let matrix = between(look, "<span class=\"chart-title\">Confusion matrix</span>", "</figure>");
    assert_eq!(matrix.matches(">background</text>").count(), 2);
    assert!(matrix.contains("<title>true "), "cells say what they count");

    // TIDE's six kinds of errors, a bar each.
    let errors = between(look, "<h3>What errors cost</h3>", "</table>");
    for kind in ["wrong class", "wrong place", "both", "duplicate", "background", "missed"] {
        assert!(errors.contains(&format!(">{kind}</td>")), "{kind}");
    }
    assert_eq!(errors.matches("<td class=\"bar\"><i style=\"width:").count(), 6);

    let sizes = between(look, "<h3>Sizes of objects</h3>", "</table>");
    for size in ["all", "small, below 32² pixels", "medium", "large, above 96² pixels"] {
        assert!(sizes.contains(size), "{size}");
    }
    let classes = between(look, "<h3>Classes</h3>", "</table>");
    for row in rows {
        let class = row["class"].as_str().expect("a name");
        assert!(classes.contains(class), "{class}");
    }

    // What was annotated beside what was found, as pictures in the page.
    let gallery = between(&page, "Worst test images", "</section>");
    assert!(gallery.contains("src=\"data:image/"), "the pictures lie in the page");
    assert!(gallery.contains("right,") && gallery.contains("missed,"), "each says how it was answered");
    assert_eq!(summary["epochs_run"], 1);
}
