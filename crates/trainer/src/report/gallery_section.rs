//! Pictures with what they show and what was predicted.

use super::data::{Gallery, GalleryItem};
use super::data_uri::rgb_data_uri;
use super::format::shortened;
use super::markup::Markup;

/// Longest caption below a picture, in characters; the whole is shown when the pointer is over it.
const CAPTION_LIMIT: usize = 40;
/// Longest side of a picture on the page, in its own pixels: twice the width it is shown at, for dense screens.
const SIDE: u32 = 288;
/// The same where details count.
const WIDE_SIDE: u32 = 640;
/// Pictures up to this side are shown as squares of colour instead of being blurred.
const PIXEL_ART_SIDE: u32 = 64;

/// Writes one gallery.
pub(super) fn draw(markup: &mut Markup, gallery: &Gallery) {
    markup.leaf("h3", &[], &gallery.title);
    if !gallery.note.is_empty() {
        markup.leaf("p", &[("class", &"note")], &gallery.note);
    }
    let (class, side) = if gallery.wide { ("gallery wide", WIDE_SIDE) } else { ("gallery", SIDE) };
    markup.element("div", &[("class", &class)], |markup| {
        for item in &gallery.items {
            draw_item(markup, item, side);
        }
    });
}

fn draw_item(markup: &mut Markup, item: &GalleryItem, side: u32) {
    markup.element("figure", &[("class", &"picture card")], |markup| {
        markup.element("div", &[("class", &"frame")], |markup| match rgb_data_uri(&item.image, side) {
            Some(uri) => {
                let small = item.image.width().max(item.image.height()) <= PIXEL_ART_SIDE;
                let class = if small { "pixelated" } else { "smooth" };
                markup.empty("img", &[("class", &class), ("src", &uri), ("alt", &item.caption), ("loading", &"lazy")]);
            }
            None => markup.leaf("span", &[("class", &"missing")], "no picture"),
        });
        markup.element("figcaption", &[], |markup| {
            draw_labels(markup, item);
            if !item.caption.is_empty() {
                let caption = shortened_path(&item.caption);
                markup.element("span", &[("class", &"source"), ("title", &item.caption)], |markup| {
                    for part in caption.split_inclusive(['/', '\\']) {
                        markup.text(part);
                        markup.empty("wbr", &[]); // Lines may break between the folders of a path.
                    }
                });
            }
        });
    });
}

fn draw_labels(markup: &mut Markup, item: &GalleryItem) {
    if let Some(predicted) = &item.predicted_label {
        let class = match &item.true_label {
            Some(truth) if truth == predicted => "answer right",
            Some(_) => "answer wrong",
            None => "answer",
        };
        markup.element("span", &[("class", &class)], |markup| {
            markup.leaf("span", &[("class", &"name"), ("title", predicted)], predicted);
            if let Some(score) = item.score {
                markup.leaf("b", &[("title", &"probability given to it")], format_args!("{score:.3}"));
            }
        });
        if let Some(truth) = item.true_label.as_ref().filter(|truth| *truth != predicted) {
            markup.element("span", &[("class", &"truth"), ("title", truth)], |markup| {
                markup.text(format_args!("is {truth}"));
            });
        }
    } else if let Some(truth) = &item.true_label {
        markup.element("span", &[("class", &"answer")], |markup| {
            markup.leaf("span", &[("class", &"name"), ("title", truth)], truth);
        });
    }
}

/// A caption that fits: of a long path the end counts most.
fn shortened_path(caption: &str) -> String {
    let length = caption.chars().count();
    if length <= CAPTION_LIMIT {
        return caption.to_owned();
    }
    if !caption.contains(['/', '\\']) {
        return shortened(caption, CAPTION_LIMIT);
    }
    ['…'].into_iter().chain(caption.chars().skip(length - CAPTION_LIMIT + 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_long_path_is_kept() {
        let path = format!("{}/cat/0001.jpg", "folder/".repeat(10));
        let shown = shortened_path(&path);
        assert_eq!(shown.chars().count(), CAPTION_LIMIT);
        assert!(shown.starts_with('…') && shown.ends_with("/cat/0001.jpg"), "{shown}");
        assert_eq!(shortened_path("train-images#17"), "train-images#17");
    }
}
