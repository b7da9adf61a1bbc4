//! Data for segmentation from files: layouts, encodings, and what is said about files that do not fit.

use std::fs;
use std::path::Path;

use datasets::segmentation_doctor::segmentation_doctor;
use datasets::segmentation_stats::segmentation_stats;
use datasets::{Dataset, DatasetError, ProblemKind, SegmentationData, SegmentationSpec, Splits, fingerprint};
use image::{GrayImage, Luma, Rgb, RgbImage};
use pictures::write_mask_png;
use vision_types::Mask;

fn spec(settings: &str) -> SegmentationSpec {
    toml::from_str(settings).unwrap()
}

fn open(settings: &str, path: &Path) -> Result<Splits<Mask>, DatasetError> {
    spec(settings).open(Some(path))
}

fn read(settings: &str, path: &Path) -> SegmentationData {
    spec(settings).read(Some(path)).unwrap()
}

/// What is said of data that cannot be opened; nothing is set aside, as there are too few images.
fn message(settings: &str, path: &Path) -> String {
    open(&format!("{settings}\nvalidation_split = 0"), path).unwrap_err().to_string()
}

fn save_image(path: &Path, width: u32, height: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // The name tells the pictures apart.
    let shade = path.to_string_lossy().bytes().fold(7u8, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    RgbImage::from_fn(width, height, |x, y| Rgb([shade, (x * 20) as u8, (y * 20) as u8])).save(path).unwrap();
}

/// A grey mask whose pixel (x, y) is `value(x, y)`.
fn save_mask(path: &Path, width: u32, height: u32, value: impl Fn(u32, u32) -> u8) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_fn(width, height, |x, y| Luma([value(x, y)])).save(path).unwrap();
}

/// Images `a` and `b` of 10 × 8 pixels below `images`, with masks of classes 0 to 2 below `masks`.
fn pair_of_folders(images: &Path, masks: &Path) {
    for name in ["a", "b"] {
        save_image(&images.join(format!("{name}.jpg")), 10, 8);
        save_mask(&masks.join(format!("{name}.png")), 10, 8, |x, y| ((x + y) % 3) as u8);
    }
}

fn lengths(splits: &Splits<Mask>) -> Vec<(String, usize)> {
    splits.iter().map(|(split, samples)| (split.to_string(), samples.len())).collect()
}

#[test]
fn images_and_masks_are_paired_by_name_in_every_layout() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    // Flat, with unusual names.
    pair_of_folders(&at("flat/photos"), &at("flat/truth"));
    let named = "kind = \"folder\"\nimages = \"photos\"\nmasks = \"truth\"\nvalidation_split = 0.5";
    let splits = open(named, &at("flat")).unwrap();
    assert_eq!(lengths(&splits), [("train".to_owned(), 1), ("val".to_owned(), 1)]);
    assert_eq!(splits.classes.as_slice(), ["0", "1", "2"]);
    let sample = splits.train.get(0).unwrap();
    assert_eq!(
        sample.annotation,
        Mask::from_pixels(10, 8, (0..80).map(|i| ((i % 10 + i / 10) % 3) as u8).collect()).unwrap()
    );
    assert_eq!(sample.image.dimensions(), (10, 8));
    assert_eq!(sample.annotation, splits.train.annotation(0).unwrap());

    // Splits outside and inside, found by their usual names; test images without masks are for predictions alone.
    for split in ["train", "val"] {
        pair_of_folders(&at("outside").join(split).join("image"), &at("outside").join(split).join("label"));
        pair_of_folders(&at("inside/images").join(split), &at("inside/masks").join(split));
    }
    save_image(&at("outside/test/image/c.png"), 3, 3);
    save_image(&at("inside/images/test/c.png"), 3, 3);
    for folder in ["outside", "inside"] {
        for kind in ["auto", "folder"] {
            let splits = open(&format!("kind = \"{kind}\""), &at(folder)).unwrap();
            assert_eq!(lengths(&splits), [("train".to_owned(), 2), ("val".to_owned(), 2)], "{folder}");
            assert_eq!(splits.ignored_files, 1);
        }
    }

    // One folder, told apart by a suffix; and below a folder that alone is in the root.
    for name in ["x", "y"] {
        save_image(&at("together").join(format!("{name}.jpg")), 4, 4);
        save_mask(&at("together").join(format!("{name}_mask.png")), 4, 4, |x, _| x as u8 % 2 * 255);
    }
    let together = "kind = \"folder\"\nimages = \".\"\nmasks = \".\"\nmask_suffix = \"_mask\"\nvalidation_split = 0";
    let splits = open(together, &at("together")).unwrap();
    assert_eq!(
        (splits.train.len(), splits.classes.as_slice()),
        (2, &["background".to_owned(), "foreground".to_owned()][..])
    );
    pair_of_folders(&at("wrapped/data/imgs"), &at("wrapped/data/masks"));
    assert_eq!(open("kind = \"auto\"\nvalidation_split = 0", &at("wrapped")).unwrap().train.len(), 2);
}

#[test]
fn the_split_depends_on_the_seed_alone() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..20 {
        save_image(&root.path().join(format!("images/{number:02}.png")), 2, 2);
        save_mask(&root.path().join(format!("masks/{number:02}.png")), 2, 2, |x, y| (x * y) as u8);
    }
    let keys = |seed: u64| -> Vec<String> {
        let settings = format!("kind = \"folder\"\nvalidation_split = 0.25\ntest_split = 0.1\nsplit_seed = {seed}");
        let splits = open(&settings, root.path()).unwrap();
        assert_eq!((splits.train.len(), splits.test.as_ref().unwrap().len()), (13, 2));
        let validation = splits.validation.unwrap();
        (0..validation.len()).map(|index| validation.key(index)).collect()
    };
    assert_eq!(keys(1), keys(1));
    assert_eq!(keys(1).len(), 5);
    assert_ne!(keys(1), keys(2));
}

#[test]
fn encodings_are_told_from_the_files_or_the_settings() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    let mut pixels = Vec::new();
    for folder in ["binary", "palette", "grey", "colours", "labelled"] {
        save_image(&at(folder).join("images/a.png"), 3, 1);
    }
    save_mask(&at("binary/masks/a.png"), 3, 1, |x, _| [0, 255, 255][x as usize]);
    let mask = Mask::from_pixels(3, 1, vec![0, 255, 2]).unwrap();
    fs::create_dir_all(at("palette/masks")).unwrap();
    write_mask_png(&at("palette/masks/a.png"), &mask).unwrap();
    save_mask(&at("grey/masks/a.png"), 3, 1, |x, _| [0, 1, 200][x as usize]);
    save_mask(&at("labelled/masks/a.png"), 3, 1, |x, _| [0, 255, 100][x as usize]);
    let colours = RgbImage::from_fn(3, 1, |x, _| Rgb([[0; 3], [128, 64, 128], [255; 3]][x as usize]));
    fs::create_dir_all(at("colours/masks")).unwrap();
    colours.save(at("colours/masks/a.png")).unwrap();
    let mut opened = |folder: &str, settings: &str| {
        let splits = open(&format!("kind = \"folder\"\nvalidation_split = 0\n{settings}"), &at(folder)).unwrap();
        pixels = splits.train.annotation(0).unwrap().pixels().to_vec();
        (splits.classes.as_slice().to_vec(), pixels.clone())
    };
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>();
    assert_eq!(opened("binary", ""), (names(&["background", "foreground"]), vec![0, 1, 1]));
    assert_eq!(opened("binary", "classes = [\"membrane\", \"cell\"]"), (names(&["membrane", "cell"]), vec![0, 1, 1]));
    // Told to be class numbers, 255 is to be ignored.
    assert_eq!(opened("binary", "encoding = \"index\""), (names(&["0"]), vec![0, 255, 255]));
    assert_eq!(opened("palette", ""), (names(&["0", "1", "2"]), vec![0, 255, 2]));
    assert_eq!(
        opened("palette", "classes = [\"a\", \"b\", \"c\", \"d\"]"),
        (names(&["a", "b", "c", "d"]), vec![0, 255, 2])
    );
    assert_eq!(opened("grey", "values = [0, 1, 200]"), (names(&["0", "1", "200"]), vec![0, 1, 2]));
    assert_eq!(opened("labelled", "values = [100, 255]\nignore_index = 0"), (names(&["100", "255"]), vec![255, 1, 0]));
    let table = "colors = [[0, 0, 0], { name = \"road\", color = [128, 64, 128] }]\nignore_color = [255, 255, 255]";
    assert_eq!(opened("colours", table), (names(&["#000000", "road"]), vec![0, 1, 255]));
    let error = message("kind = \"folder\"", &at("colours"));
    assert!(error.contains("a.png: a mask in colours without a palette") && error.contains("`colors ="), "{error}");
}

#[test]
fn a_mask_of_another_size_names_both_files_and_sizes() {
    let root = tempfile::tempdir().unwrap();
    save_image(&root.path().join("images/a.png"), 10, 8);
    save_mask(&root.path().join("masks/a.png"), 8, 10, |_, _| 1);
    let splits = open("kind = \"folder\"\nvalidation_split = 0", root.path()).unwrap();
    let error = splits.train.get(0).unwrap_err();
    assert!(error.is_bad_sample());
    let text = error.to_string().replace(&root.path().display().to_string(), "root");
    assert_eq!(text, "root/masks/a.png: a mask of 8×10 pixels, expected 10×8 as its image root/images/a.png");
}

#[test]
fn an_unknown_value_or_colour_names_file_pixel_and_nearest() {
    let root = tempfile::tempdir().unwrap();
    save_image(&root.path().join("images/a.png"), 4, 3);
    save_mask(&root.path().join("masks/a.png"), 4, 3, |x, y| if (x, y) == (2, 1) { 9 } else { 1 });
    let named = "kind = \"folder\"\nvalidation_split = 0\nclasses = [\"a\", \"b\", \"c\"]";
    let error = open(named, root.path()).unwrap().train.get(0).unwrap_err();
    assert!(error.is_bad_sample());
    let text = error.to_string();
    assert!(
        text.ends_with("masks/a.png: pixel (2, 1): found value 9, expected 0 to 2, or 255 to ignore; the nearest is 2"),
        "{text}"
    );
    let colours = "kind = \"folder\"\nvalidation_split = 0\ncolors = [[1, 1, 1], [10, 9, 9]]";
    let text = open(colours, root.path()).unwrap().train.get(0).unwrap_err().to_string();
    assert!(text.contains("pixel (2, 1): found colour [9, 9, 9]") && text.ends_with("nearest is [10, 9, 9]"), "{text}");
}

#[test]
fn files_without_their_other_half_are_an_error_or_left_out() {
    let root = tempfile::tempdir().unwrap();
    pair_of_folders(&root.path().join("images"), &root.path().join("masks"));
    save_image(&root.path().join("images/lonely.jpg"), 5, 5);
    let text = message("kind = \"folder\"", root.path());
    assert!(
        text.contains("images/lonely.jpg: image without a mask; expected") && text.ends_with("masks/lonely.png"),
        "{text}"
    );
    save_mask(&root.path().join("masks/widow.png"), 5, 5, |_, _| 0);
    let text = message("kind = \"folder\"", root.path());
    assert!(text.ends_with("(1 more like it; `data doctor` names them)"), "{text}");
    fs::remove_file(root.path().join("images/lonely.jpg")).unwrap();
    let text = message("kind = \"auto\"", root.path());
    assert!(text.contains("masks/widow.png: mask without an image; expected `widow.*` in "), "{text}");

    // Where no name matches, that is said, and not that no sample is left.
    pair_of_folders(&root.path().join("odd/images"), &root.path().join("odd/masks"));
    let suffixed = "kind = \"folder\"\nmask_suffix = \"_mask\"\nunpaired = \"skip\"";
    let text = message(suffixed, &root.path().join("odd"));
    assert!(text.contains("a.jpg: image without a mask; expected ") && text.contains("a_mask.png (3 more"), "{text}");

    let skipping = "kind = \"folder\"\nunpaired = \"skip\"\nvalidation_split = 0";
    assert_eq!(open(skipping, root.path()).unwrap().train.len(), 2);
    let data = read("kind = \"folder\"\nvalidation_split = 0", root.path());
    assert_eq!(data.splits.train.len(), 2);
    let kinds: Vec<ProblemKind> = data.problems.iter().map(|problem| problem.kind).collect();
    assert_eq!(kinds, [ProblemKind::AnnotationWithoutImage]);
}

#[test]
fn folders_without_what_they_need_say_so() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    fs::create_dir_all(at("empty")).unwrap();
    for (kind, looked_for) in
        [("auto", "COCO files"), ("folder", "`images`"), ("voc", "`SegmentationClass`"), ("instances", "`masks`")]
    {
        let text = message(&format!("kind = \"{kind}\""), &at("empty"));
        assert!(text.contains("no data set recognised; found an empty folder; looked for"), "{text}");
        assert!(text.contains(looked_for), "{text}");
    }
    fs::create_dir_all(at("hollow/images")).unwrap();
    fs::create_dir_all(at("hollow/masks")).unwrap();
    assert!(matches!(open("kind = \"folder\"", &at("hollow")), Err(DatasetError::NoImages { .. })));
    save_image(&at("half/images/a.png"), 2, 2);
    let text = message("kind = \"folder\"\nmasks = \"truth\"", &at("half"));
    assert!(text.contains("half/truth: no such file or folder"), "{text}");
    save_image(&at("splits/train/images/a.png"), 2, 2);
    let text = message("kind = \"folder\"", &at("splits"));
    assert!(text.contains("train/masks: no such file or folder"), "{text}");
    let text = message("kind = \"auto\"", &at("nothing"));
    assert!(text.contains("nothing: no such file or folder"), "{text}");
}

#[test]
fn an_image_of_one_pixel_is_a_sample() {
    let root = tempfile::tempdir().unwrap();
    save_image(&root.path().join("images/a.png"), 1, 1);
    save_mask(&root.path().join("masks/a.png"), 1, 1, |_, _| 1);
    let splits = open("kind = \"folder\"\nvalidation_split = 0", root.path()).unwrap();
    let sample = splits.train.get(0).unwrap();
    assert_eq!((sample.image.dimensions(), sample.annotation.pixels()), ((1, 1), &[1u8][..]));
    // And worth a look for the doctor.
    let report = segmentation_doctor(&read("kind = \"auto\"\nvalidation_split = 0", root.path()), &|_, _| ()).unwrap();
    assert_eq!(report.tiny.len(), 1);
}

#[test]
fn pascal_voc_is_read_by_its_lists() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for name in ["a", "b", "c", "d", "unlisted"] {
        save_image(&at(&format!("JPEGImages/{name}.jpg")), 4, 2);
    }
    fs::create_dir_all(at("SegmentationClass")).unwrap();
    for (number, name) in ["a", "b", "c"].iter().enumerate() {
        let mask = Mask::from_pixels(4, 2, vec![0, 255, number as u8 + 1, 20, 0, 0, 0, 15]).unwrap();
        write_mask_png(&at(&format!("SegmentationClass/{name}.png")), &mask).unwrap();
    }
    fs::create_dir_all(at("ImageSets/Segmentation")).unwrap();
    fs::write(at("ImageSets/Segmentation/trainval.txt"), "a\nb\nc\n").unwrap();
    fs::write(at("ImageSets/Segmentation/val.txt"), "c\n").unwrap();
    fs::write(at("ImageSets/Segmentation/test.txt"), "d\n").unwrap();
    for kind in ["auto", "voc"] {
        let splits = open(&format!("kind = \"{kind}\""), root.path()).unwrap();
        assert_eq!(lengths(&splits), [("train".to_owned(), 2), ("val".to_owned(), 1)]);
        assert_eq!((splits.classes.len(), splits.classes.get(20)), (21, Some("tvmonitor")));
        assert_eq!(splits.train.get(1).unwrap().annotation.pixels(), [0, 255, 2, 20, 0, 0, 0, 15]);
    }
    fs::write(at("ImageSets/Segmentation/train.txt"), "a\n\nbb\n").unwrap();
    let text = message("kind = \"voc\"", root.path());
    assert!(text.contains("train.txt:3: found `bb`, expected the name of a file in "), "{text}");
    let text = message("kind = \"voc\"\nclasses = []", root.path());
    assert!(text.contains("`classes`: found 0 names, expected 1 to 255"), "{text}");
    // Fewer classes than the masks have.
    fs::remove_file(at("ImageSets/Segmentation/train.txt")).unwrap();
    let splits = open("kind = \"voc\"\nclasses = [\"a\", \"b\", \"c\"]", root.path()).unwrap();
    let text = splits.train.get(0).unwrap_err().to_string();
    assert!(text.contains("pixel (3, 0) and 1 others: found value 20"), "{text}");
}

/// An image of 8 × 4 pixels with three objects: columns 0 and 1, columns 3 and 4, column 5.
fn instance_folder(folder: &Path) {
    save_image(&folder.join("images/i.png"), 8, 4);
    for (name, columns) in [("first", 0..2), ("second", 3..5), ("third", 5..6)] {
        let path = folder.join(format!("masks/{name}.png"));
        save_mask(&path, 8, 4, |x, _| if columns.contains(&x) { 255 } else { 0 });
    }
}

#[test]
fn one_file_an_object_becomes_foreground_and_border() {
    let root = tempfile::tempdir().unwrap();
    instance_folder(&root.path().join("stage1_train/one"));
    instance_folder(&root.path().join("stage1_train/two"));
    // Published test images have no masks.
    save_image(&root.path().join("stage1_test/three/images/i.png"), 8, 4);
    let row = |settings: &str| {
        let splits = open(&format!("kind = \"instances\"\nvalidation_split = 0\n{settings}"), root.path()).unwrap();
        assert_eq!(splits.train.len(), 2);
        let sample = splits.train.get(0).unwrap();
        assert_eq!(sample.annotation, splits.train.annotation(0).unwrap());
        (sample.annotation.pixels()[..8].to_vec(), splits.classes.len())
    };
    assert_eq!(row(""), (vec![1, 1, 0, 1, 1, 1, 0, 0], 2));
    // Within one column: column 2 lies between the first and the second, 4 and 5 are where the second and third touch.
    assert_eq!(row("border = 1"), (vec![1, 1, 2, 1, 2, 2, 0, 0], 3));
    // Within two columns also 1 and 3, and 6; column 0 is three away from the second.
    assert_eq!(row("border = 2"), (vec![1, 2, 2, 2, 2, 2, 2, 0], 3));
    assert_eq!(open("kind = \"auto\"\nvalidation_split = 0.5", root.path()).unwrap().train.len(), 1);
    let text = message("kind = \"instances\"\nborder = 1\nclasses = [\"a\", \"b\"]", root.path());
    assert!(text.contains("expected 3: of background"), "{text}");

    // Objects with their pixels, for detection.
    let SegmentationSpec::Instances(spec) = spec("kind = \"instances\"\nvalidation_split = 0") else { unreachable!() };
    let data = spec.read_objects(Some(root.path())).unwrap();
    let objects = data.splits.train.annotation(1).unwrap();
    assert_eq!(objects.iter().map(|object| object.area).collect::<Vec<_>>(), [8.0, 8.0, 4.0]);
    assert_eq!(objects[1].bbox, vision_types::BBox::from_xyxy(3.0, 0.0, 5.0, 4.0));
    assert_eq!(data.splits.classes.as_slice(), ["foreground"]);

    // What does not fit.
    save_mask(&root.path().join("stage1_train/one/masks/zzz.png"), 4, 8, |_, _| 1);
    let splits = open("kind = \"instances\"\nvalidation_split = 0", root.path()).unwrap();
    let text = splits.train.get(0).unwrap_err().to_string();
    assert!(text.contains("zzz.png: a mask of 4×8 pixels, expected 8×4 as "), "{text}");
    fs::remove_dir_all(root.path().join("stage1_train/one/masks")).unwrap();
    let text = message("kind = \"instances\"", root.path());
    assert!(text.contains("image without masks; expected the folder "), "{text}");
    // An image without an object is all background.
    fs::create_dir(root.path().join("stage1_train/one/masks")).unwrap();
    let splits = open("kind = \"instances\"\nvalidation_split = 0", root.path()).unwrap();
    assert_eq!(splits.train.get(0).unwrap().annotation, Mask::filled(8, 4, 0));
    assert_eq!(splits.train.annotation(0).unwrap(), Mask::filled(8, 4, 0));
}

/// One image of 6 × 4 pixels; a table over the whole of it, a cup in columns 1 to 2, a crowd in rows 2 to 3.
fn coco_folder(root: &Path) {
    save_image(&root.join("images/a.png"), 6, 4);
    let polygon = |x1: f64, y1: f64, x2: f64, y2: f64| format!("[[{x1},{y1},{x2},{y1},{x2},{y2},{x1},{y2}]]");
    // Rows 2 and 3 of every column, as run lengths down the columns.
    let crowd = "{\"size\":[4,6],\"counts\":[2,2,2,2,2,2,2,2,2,2,2,2]}";
    let annotation = |id: u32, category: u32, shape: &str, crowd: u32, [x, y, w, h]: [u32; 4]| {
        format!(
            "{{\"id\":{id},\"image_id\":3,\"category_id\":{category},\"segmentation\":{shape},\"iscrowd\":{crowd},\
             \"area\":1,\"bbox\":[{x},{y},{w},{h}]}}"
        )
    };
    let annotations = [
        annotation(1, 9, &polygon(1.0, 0.0, 3.0, 4.0), 0, [1, 0, 2, 4]),
        annotation(2, 5, &polygon(0.0, 0.0, 4.0, 4.0), 0, [0, 0, 4, 4]),
        annotation(3, 9, crowd, 1, [0, 2, 6, 2]),
    ];
    let text = format!(
        "{{\"images\":[{{\"id\":3,\"file_name\":\"a.png\",\"width\":6,\"height\":4}}],\"categories\":\
         [{{\"id\":5,\"name\":\"table\"}},{{\"id\":9,\"name\":\"cup\"}}],\"annotations\":[{}]}}",
        annotations.join(",")
    );
    fs::write(root.join("instances_train.json"), text).unwrap();
}

#[test]
fn coco_paints_groups_first_and_small_objects_last() {
    let root = tempfile::tempdir().unwrap();
    coco_folder(root.path());
    let rows = |settings: &str| {
        let splits = open(&format!("kind = \"coco\"\nvalidation_split = 0\n{settings}"), root.path()).unwrap();
        let sample = splits.train.get(0).unwrap();
        assert_eq!(sample.annotation, splits.train.annotation(0).unwrap());
        let pixels = sample.annotation.pixels();
        (pixels[..6].to_vec(), pixels[18..].to_vec(), splits.classes.as_slice().to_vec())
    };
    let names = ["background", "table", "cup"].map(str::to_owned).to_vec();
    // The table is larger than the cup on it, though it comes later; the crowd shows where neither is.
    assert_eq!(rows(""), (vec![1, 2, 2, 1, 0, 0], vec![1, 2, 2, 1, 255, 255], names.clone()));
    assert_eq!(rows("crowd = \"paint\"").1, [1, 2, 2, 1, 2, 2]);
    assert_eq!(rows("crowd = \"drop\"").1, [1, 2, 2, 1, 0, 0]);
    let cups = ["background", "cup"].map(str::to_owned).to_vec();
    assert_eq!(rows("classes = [\"cup\"]"), (vec![0, 1, 1, 0, 0, 0], vec![255, 1, 1, 255, 255, 255], cups));
    let text = message("kind = \"coco\"\nclasses = [\"cups\"]", root.path());
    assert!(text.contains("found `cups`") && text.contains("did you mean `cup`?"), "{text}");
    assert_eq!(open("kind = \"auto\"\nvalidation_split = 0", root.path()).unwrap().classes.as_slice(), names);

    // An image of another size than annotated.
    save_image(&root.path().join("images/a.png"), 4, 6);
    let splits = open("kind = \"coco\"\nvalidation_split = 0", root.path()).unwrap();
    let text = splits.train.get(0).unwrap_err().to_string();
    assert!(text.starts_with("annotation of images/a.png: a mask of 6×4 pixels, expected 4×6 as its image "), "{text}");
    // A box alone cannot be painted.
    let file = root.path().join("instances_train.json");
    let text = fs::read_to_string(&file).unwrap();
    let start = text.find("\"segmentation\"").unwrap();
    let end = start + text[start..].find("\"iscrowd\"").unwrap();
    fs::write(&file, format!("{}{}", &text[..start], &text[end..])).unwrap();
    let text = message("kind = \"coco\"", root.path());
    assert!(text.contains("annotated as a box alone, expected a `segmentation`"), "{text}");
}

#[test]
fn the_doctor_names_every_pair_that_does_not_fit() {
    let root = tempfile::tempdir().unwrap();
    for number in 0..6 {
        save_image(&root.path().join(format!("images/{number}.png")), 10, 10);
        save_mask(&root.path().join(format!("masks/{number}.png")), 10, 10, |x, _| (x % 2) as u8);
    }
    let settings = "kind = \"folder\"\nvalidation_split = 0\nclasses = [\"a\", \"b\", \"c\"]";
    let report = segmentation_doctor(&read(settings, root.path()), &|_, _| ()).unwrap();
    assert!(report.is_healthy());
    assert_eq!(report.absent_classes(), ["c"]);
    assert_eq!((report.imbalance, report.is_imbalanced()), (1.0, false));
    assert_eq!(report.class_counts.iter().map(|count| count.train).collect::<Vec<_>>(), [6, 6, 0]);

    save_mask(&root.path().join("masks/0.png"), 9, 10, |_, _| 0);
    save_mask(&root.path().join("masks/1.png"), 10, 10, |_, _| 77);
    fs::write(root.path().join("masks/2.png"), "no picture").unwrap();
    fs::remove_file(root.path().join("masks/3.png")).unwrap();
    save_mask(&root.path().join("masks/4.png"), 10, 10, |_, _| 255);
    fs::copy(root.path().join("images/5.png"), root.path().join("images/6.png")).unwrap();
    save_mask(&root.path().join("masks/6.png"), 10, 10, |_, _| 1);
    let report = segmentation_doctor(&read(settings, root.path()), &|_, _| ()).unwrap();
    assert_eq!(report.checked, 6);
    let bad: Vec<&str> = report.bad_masks.iter().map(|bad| bad.problem.as_str()).collect();
    assert!(bad[0].contains("masks/0.png: a mask of 9×10 pixels, expected 10×10"), "{bad:?}");
    assert!(bad[1].contains("masks/1.png: pixel (0, 0) and 99 others: found value 77"), "{bad:?}");
    assert!(bad[2].contains("masks/2.png: not an image"), "{bad:?}");
    assert_eq!(bad.len(), 3);
    assert_eq!(report.problems.len(), 1);
    assert!(report.problems[0].to_string().contains("images/3.png: image without a mask"));
    assert_eq!(report.all_ignored.len(), 1);
    assert_eq!(report.duplicates.len(), 1);
    assert!(report.duplicates[0].annotations_differ && !report.duplicates[0].across_splits);
    assert!(!report.is_healthy());
}

#[test]
fn damaged_masks_and_missing_images_do_not_stop_a_fingerprint_or_a_look_at_the_data() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    for number in 0..6 {
        save_image(&at(&format!("images/{number}.png")), 10, 8);
        save_mask(&at(&format!("masks/{number}.png")), 10, 8, |x, _| u8::from(x < 5));
    }
    let settings = "kind = \"folder\"\nvalidation_split = 0\nclasses = [\"a\", \"b\"]\nencoding = \"index\"";
    let data = read(settings, root.path());
    let whole = fingerprint(&data.splits.train);
    assert_eq!(whole, fingerprint(&read(settings, root.path()).splits.train));

    // Another class for one pixel, in a file of the same length, is another data set.
    let path = at("masks/1.png");
    let original = fs::read(&path).unwrap();
    save_mask(&path, 10, 8, |x, y| u8::from(x < 5 || (x, y) == (7, 3)));
    assert_ne!(whole, fingerprint(&data.splits.train));
    fs::write(&path, &original).unwrap();
    assert_eq!(whole, fingerprint(&data.splits.train));

    // A mask that ends early, one of another size, one that is gone, and an image that is gone.
    fs::write(at("masks/0.png"), &original[..original.len() / 2]).unwrap();
    save_mask(&at("masks/1.png"), 9, 8, |_, _| 0);
    let data = read(settings, root.path());
    fs::remove_file(at("masks/2.png")).unwrap();
    fs::remove_file(at("images/3.png")).unwrap();
    let damaged = fingerprint(&data.splits.train);
    assert_ne!(whole, damaged);
    assert_eq!(damaged, fingerprint(&data.splits.train));
    // What is wrong shows where the sample is needed, by file and reason, and never harms the others.
    for (index, file, reason) in [
        (0, "masks/0.png", "truncated PNG"),
        (1, "masks/1.png", "a mask of 9×8 pixels, expected 10×8"),
        (2, "masks/2.png", "no such file"),
        (3, "images/3.png", "no such file"),
    ] {
        let error = data.splits.train.get(index).unwrap_err();
        assert!(error.is_bad_sample(), "{error}");
        let text = error.to_string();
        assert!(text.contains(file) && text.contains(reason), "{text}");
    }
    assert!(data.splits.train.get(4).is_ok());
    let stats = segmentation_stats(&data, 10).unwrap();
    assert_eq!((stats.images.read, stats.images.unreadable, stats.splits[0].unreadable_masks), (2, 4, 2));
    let report = segmentation_doctor(&data, &|_, _| ()).unwrap();
    assert_eq!((report.unreadable.len(), report.bad_masks.len()), (1, 3));
}

#[test]
fn absurd_numbers_are_refused_in_words() {
    let sizes = "kind = \"shapes\"\nsize = 100000000";
    assert_eq!(
        spec(sizes).open(None).unwrap_err().to_string(),
        "data set setting `size`: found 100000000, expected 64 to 4096 pixels"
    );
    for (key, number) in [
        ("train", "9000000000000000000"),
        ("validation", "9000000000"),
        ("max_objects", "10000000"),
        ("classes", "900"),
        ("noise", "inf"),
        ("noise", "nan"),
    ] {
        let text = spec(&format!("kind = \"shapes\"\n{key} = {number}")).open(None).unwrap_err().to_string();
        assert!(text.starts_with(&format!("data set setting `{key}`: found ")), "{text}");
    }
    let root = tempfile::tempdir().unwrap();
    for settings in ["kind = \"instances\"\nborder = 4000000000", "kind = \"folder\"\nvalidation_split = nan"] {
        let text = open(settings, root.path()).unwrap_err().to_string();
        assert!(text.starts_with("data set setting `"), "{text}");
    }
}
