//! Every key of a configuration with its default and meaning, for `--help-config` and `docs/configuration.md`.

use std::fmt::Write as _;

use toml::{Table, Value};

use super::{RunConfig, TaskTables};
use crate::tasks::classification::Classification;
use crate::tasks::detection::Detection;
use crate::tasks::segmentation::Segmentation;

/// One key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReference {
    /// Its path, such as `optim.lr`.
    pub key: &'static str,
    /// Its default as TOML; `unset` where there is none.
    pub default: String,
    /// What it does.
    pub meaning: &'static str,
}

/// Keys whose default is not that of [`RunConfig::default`], because they belong to another kind, carry it after `|`.
const KEYS: &[(&str, &str)] = &[
    ("task", "what is recognised: classification, or detection or segmentation, whose own keys are listed below"),
    ("seed", "names the run: weights, order, augmentation and dropout follow from it"),
    (
        "data.kind",
        "auto, image-folder, file-name-pattern, mnist, fashion-mnist, cifar10, cifar100, shapes; `auto` looks at the \
         files",
    ),
    ("data.path", "folder of the data; `--data` sets it (all kinds but shapes)|unset"),
    ("data.pattern", "file-name-pattern: where the label stands in a file's name|\"{label}_{id}.*\""),
    (
        "data.validation_split",
        "share of training samples set aside for validation where the data has no such split|0.1",
    ),
    ("data.test_split", "image folders: share set aside for testing where there is no such folder|0.0"),
    ("data.split_seed", "seed of both choices|0"),
    ("data.labels", "cifar100: fine or coarse|\"fine\""),
    ("data.classes", "shapes: number of classes; mnist: names of the classes"),
    ("data.train", "shapes: training images"),
    ("data.validation", "shapes: validation images"),
    ("data.test", "shapes: test images"),
    ("data.size", "shapes: side of the images in pixels"),
    ("data.noise", "shapes: standard deviation of the noise as a share of the range"),
    ("data.seed", "shapes: seed of the images"),
    ("input.size", "side in pixels, or [height, width]; images of another size after augmentation are resized"),
    ("input.channels", "3 for colour, 1 for grey"),
    (
        "input.normalize",
        "imagenet, cifar10, mnist, unit (0..1), or { mean = [r, g, b], std = [r, g, b] }; pixels in 0..1 minus mean, \
         over std",
    ),
    ("augment.train", "steps for training images, in order: a list of { kind = \"…\", … }, see below"),
    ("augment.eval", "steps for evaluation and prediction"),
    (
        "augment.mix",
        "blending of training images: { kind = \"mixup\", alpha = 0.2 }, { kind = \"cutmix\", alpha = 1.0 } or \
         { kind = \"mixup-or-cutmix\", mixup_alpha, cutmix_alpha, switch_probability }",
    ),
    ("model.name", "the network; `cargo xtask train --list-models` lists them"),
    ("model.widths", "cnn: channels of each stage|[32, 64, 128]"),
    ("model.convolutions", "cnn: convolutions a stage|1"),
    ("model.kernel", "cnn: side of the kernels in pixels|3"),
    ("model.padding", "cnn: zeros around each convolution's input; lenet: zeros around the image|kernel / 2; 0"),
    ("model.batch_norm", "cnn: batch normalisation after each convolution|true"),
    ("model.head", "cnn: flatten or global-average|\"flatten\""),
    ("model.dense", "cnn: features of the hidden dense layers|[]"),
    ("model.dropout", "cnn, vgg, inception-v3: probability of dropout in the head|0.0; vgg, inception-v3 0.5"),
    ("model.zero_init_residual", "resnet: every block starts as the identity|false"),
    (
        "model.auxiliary_head",
        "inception-v3: keep the auxiliary head that torchvision's files have; it is not trained|false",
    ),
    ("init.from", "PyTorch or safetensors file with the weights to start from; `--init-from` sets it|unset"),
    (
        "init.key",
        "which set of tensors of a PyTorch file that has several, such as \"ema\"; `--init-key` sets it|unset",
    ),
    ("init.ignore", "tensors that keep random values, such as [\"fc.*\"]; `--ignore` sets it|[]"),
    (
        "init.freeze",
        "parameters that are not trained: names with `*`, or modules, such as [\"layer1\", \"*.bn1.*\"]; `!` takes back: \
         [\"*\", \"!fc\"]; `--freeze` sets it|[]",
    ),
    (
        "init.unfreeze",
        "frozen parameters that are trained after some epochs: [{ after = 2, parameters = [\"layer4\"] }]|[]",
    ),
    (
        "loss.kind",
        "cross-entropy, focal, binary-cross-entropy, sigmoid-focal, mean-absolute, mean-squared, huber, smooth-l1",
    ),
    ("loss.class_weights", "cross-entropy: a weight a class|unset"),
    ("loss.label_smoothing", "cross-entropy: share of the target spread over all classes"),
    (
        "loss.normalisation",
        "cross-entropy with weights: what the mean divides by: automatic, target-weight or sample-count",
    ),
    ("loss.alpha", "focal: a weight a class; sigmoid-focal: weight of the positives|unset"),
    ("loss.gamma", "focal, sigmoid-focal: exponent that fades out easy samples|2.0"),
    ("loss.pos_weight", "binary-cross-entropy: weight of the positives, one for all or one a class|unset"),
    ("loss.delta", "huber: where the square becomes a line|1.0"),
    ("loss.beta", "smooth-l1: where the square becomes a line|1.0"),
    ("distill.from", "file with the weights of a network to learn from; without this table there is none|required"),
    ("distill.model", "that network, as in [model]: { name = \"resnet56\" }|required"),
    ("distill.key", "which set of tensors of a file that has several|unset"),
    ("distill.ignore", "tensors of the file that are left out|[]"),
    ("distill.temperature", "what logits are divided by before they are compared|4.0"),
    ("distill.weight", "share of the other network's answers in the loss|0.5"),
    ("distill.features", "weight of the squared difference of what both heads see|0.0"),
    ("optim.kind", "sgd, adam, adamw, rmsprop, adagrad"),
    ("optim.lr", "learning rate, before the schedule's factor"),
    ("optim.weight_decay", "weight decay: L2, or decoupled with adamw"),
    ("optim.decay_norm_and_bias", "whether biases and normalisation parameters decay as well"),
    ("optim.momentum", "sgd, rmsprop: how much of the last step is kept"),
    ("optim.nesterov", "sgd: look ahead along the momentum"),
    ("optim.betas", "adam, adamw: decay rates of both moments"),
    ("optim.alpha", "rmsprop: decay rate of the mean square"),
    ("optim.epsilon", "keeps divisions finite; unset: 1e-10 for adagrad, 1e-8 otherwise"),
    ("optim.clip_norm", "largest norm of all gradients together"),
    ("optim.clip_value", "largest magnitude of a gradient entry"),
    ("optim.warmup_epochs", "epochs over which the learning rate rises in a line; may be a fraction"),
    ("optim.warmup_start", "the rate at the start of the warm-up, as a fraction"),
    ("optim.layer_decay", "what the rate is multiplied with from each layer to the one before it"),
    (
        "optim.groups",
        "parameters with other settings: [{ parameters = [\"fc\"], lr_factor = 10.0, weight_decay = 0.0 }]|[]",
    ),
    ("schedule.kind", "constant, step, multi-step, exponential, cosine, one-cycle, polynomial, reduce-on-plateau"),
    ("schedule.epochs", "step: epochs between changes; multi-step: the list of epochs|required"),
    ("schedule.factor", "step, multi-step, exponential, reduce-on-plateau: what the rate is multiplied with|0.1"),
    ("schedule.minimum", "cosine, reduce-on-plateau: smallest rate as a fraction of optim.lr|0.0"),
    ("schedule.up", "one-cycle: share of the run that rises|0.3"),
    ("schedule.initial", "one-cycle: what optim.lr is divided by at the start|25.0"),
    ("schedule.last", "one-cycle: what the first rate is divided by at the end|10000.0"),
    ("schedule.power", "polynomial: the exponent|1.0"),
    ("schedule.patience", "reduce-on-plateau: epochs without improvement that are accepted|10"),
    ("train.epochs", "passes over the training split"),
    ("train.batch_size", "samples a forward pass"),
    ("train.accumulate", "forward passes an optimiser step; their gradients are averaged"),
    ("train.workers", "loader threads; unset: one a core, at most 8; results do not depend on it"),
    ("train.precision", "f32, or bf16 to round the operands of convolutions and linear layers while training"),
    ("train.sampling", "shuffled, sequential or class-balanced"),
    ("train.drop_last", "leave an incomplete last batch out"),
    ("train.eval_every", "epochs from one evaluation to the next; the last epoch always is"),
    (
        "train.fold",
        "cross-validation: the part held out, { number = 1, of = 5, seed = 0 }; `--folds 5` runs all of them",
    ),
    ("train.ema", "decay of a moving average of the weights, which is then evaluated and kept"),
    (
        "train.monitor",
        "the figure the best epoch is chosen by; unset: val.accuracy, val.ap or val.mean_iou, else val.loss",
    ),
    ("train.checkpoint_minutes", "minutes between checkpoints within an epoch"),
    ("train.on_bad_sample", "error or skip: what an unreadable image does to the run"),
    ("train.cache", "keep decoded images in memory"),
    (
        "train.cache_features",
        "classification with all layers but the head frozen: keep what those answer to each sample in memory",
    ),
    (
        "early_stopping.patience",
        "epochs without improvement that are accepted; without this table there is no early stop|10",
    ),
    ("early_stopping.min_delta", "how much better a figure must be to count|0.0"),
];

/// Keys of detection that classification does not have, or that mean something else there.
const DETECTION_KEYS: &[(&str, &str)] = &[
    ("data.kind", "auto, coco, voc, yolo, shapes; `auto` looks at the files"),
    ("data.max_objects", "shapes: most shapes in a picture"),
    ("input.size", "side in pixels, or [height, width]; multiples of 32; images are letterboxed into it"),
    ("augment.train", "steps for training images, after mosaic or letterbox, in order"),
    (
        "augment.mosaic",
        "four images in one, then a random warp: { probability, degrees, translate, scale, shear }; unset: never|unset",
    ),
    ("augment.mixup", "another image blended in: { probability, scale }; unset: never|unset"),
    ("augment.plain_epochs", "last epochs without mosaic and mixup"),
    ("augment.multi_scale", "sides of training batches vary by up to this many steps of 32 pixels"),
    ("augment.multi_scale_batches", "batches that share one size"),
    ("augment.min_visible", "share of a box that must stay visible for it to be kept"),
    ("augment.min_side", "sides in pixels of the network's input that a box must have to be kept"),
    ("augment.letterbox", "where an image lies in the input: top-left (as YOLOX trains) or centre"),
    ("augment.pad", "grey value around letterboxed images"),
    ("model.name", "the network: yolox-nano, yolox-tiny, yolox-s, yolox-m, yolox-l, yolox-x"),
    ("loss.kind", "yolox"),
    ("loss.l1", "when the loss on raw box sizes is added: never, plain-epochs or always"),
    ("decode.score_threshold", "detections of less confidence are dropped before anything else"),
    ("decode.nms", "class-wise, class-agnostic or soft"),
    ("decode.iou_threshold", "overlap above which the weaker of two detections goes"),
    ("decode.max_detections", "detections kept of one image"),
    ("decode.multi_label", "whether one place may answer with several classes"),
    ("decode.class_thresholds", "confidences that `predict` asks for, by class name: { RBC = 0.5 }|{}"),
];

/// Keys of segmentation that classification does not have, or that mean something else there.
const SEGMENTATION_KEYS: &[(&str, &str)] = &[
    ("data.kind", "auto, folder, voc, coco, instances, shapes; `auto` looks at the files; see docs/segmentation.md"),
    ("input.size", "side in pixels, or [height, width]; `augment.fit` says how images come to it"),
    ("augment.train", "steps for training images and their masks, in order"),
    (
        "augment.fit",
        "how images come to the input's size: stretch, letterbox, or tiles: overlapping parts that are put together again",
    ),
    ("augment.pad", "letterbox: grey value around images"),
    (
        "model.name",
        "the network: unet, unet-resnet18, unet-resnet34, unet-resnet50, fcn32s, fcn16s, fcn8s, fcn-resnet50",
    ),
    ("model.width", "unet: channels of the finest maps|32"),
    ("model.depth", "unet: number of poolings|4"),
    ("model.batch_norm", "batch normalisation after each convolution|unet true; fcn32s, fcn16s, fcn8s false"),
    ("model.upsampling", "unet: how maps grow: transposed or bilinear|\"transposed\""),
    ("model.auxiliary", "fcn-resnet50: an auxiliary head for training|false"),
    ("model.dropout", "fcn: probability of dropout|fcn32s, fcn16s, fcn8s 0.5; fcn-resnet50 0.1"),
    (
        "loss.kind",
        "cross-entropy, binary-cross-entropy, dice, jaccard, tversky, focal-tversky, lovasz-softmax, lovasz-hinge, or sum",
    ),
    ("loss.terms", "sum: a list of { weight = 1.0, loss = { kind = \"…\", … } }|required"),
    ("loss.class_weights", "cross-entropy: a weight a class|unset"),
    ("loss.pos_weight", "binary-cross-entropy: weight of the positives, one for all or one a class|unset"),
    (
        "loss.boundary",
        "more weight between touching objects, as in the U-Net paper: { strength = 10.0, sigma = 5.0 }; unset: none|unset",
    ),
    ("loss.auxiliary_weight", "weight of the auxiliary head's loss"),
    ("decode.overlap", "tiles: pixels that neighbours share, in which answers are blended"),
    ("decode.margin", "tiles: pixels at inner edges whose answers are not used"),
    ("decode.min_area", "objects: pixels that a connected region must have"),
    (
        "decode.connectivity",
        "objects: \"4\" or \"8\": whether pixels hang together by an edge only, or by a corner too",
    ),
];

/// Steps of `augment.train` and `augment.eval` and their settings.
const AUGMENTATIONS: &[(&str, &str)] = &[
    ("resize", "size | shorter_side | longer_side; filter = nearest, bilinear, bicubic, lanczos3"),
    ("centre-crop", "size"),
    ("random-crop", "size; padding = 0; fill_mode; fill"),
    ("random-resized-crop", "size; scale = [0.08, 1]; ratio = [3/4, 4/3]; filter"),
    ("pad", "padding = [left, top, right, bottom]; fill_mode; fill"),
    ("horizontal-flip, vertical-flip", "probability = 0.5"),
    (
        "affine",
        "rotation (degrees), shift_x, shift_y (shares), shear_x, shear_y (degrees), zoom, zoom_separately, each a number \
         or [lowest, highest]; fill_mode = constant, reflect, symmetric, nearest, wrap; fill; sampling",
    ),
    ("perspective", "distortion = 0.5; probability = 0.5"),
    ("color-jitter", "brightness, contrast, saturation, hue, each a number or [lowest, highest]"),
    ("grey, auto-contrast, equalize, invert", "probability = 0.5"),
    ("gaussian-blur", "sigma = [0.1, 2]; kernel_size"),
    ("median-blur", "kernel_size = 3; probability = 0.5"),
    ("gaussian-noise", "sigma = [0.1, 0.1] as a share of the range"),
    ("sharpness, posterize, solarize", "factor; bits; threshold; probability = 0.5"),
    ("cutout", "size; count = 1; fill"),
    ("random-erasing", "scale = [0.02, 0.33]; ratio = [0.3, 3.3]; noise = false; probability = 0.5"),
    ("rand-augment", "num_ops = 2; magnitude = 9; num_magnitude_bins = 31"),
    ("trivial-augment-wide", "num_magnitude_bins = 31"),
];

/// Every key of a configuration, in the order of its sections.
pub fn key_reference() -> Vec<KeyReference> {
    reference_of::<Classification>(KEYS)
}

/// The keys that detection has besides, or that differ there.
pub fn detection_key_reference() -> Vec<KeyReference> {
    reference_of::<Detection>(DETECTION_KEYS)
}

/// The keys that segmentation has besides, or that differ there.
pub fn segmentation_key_reference() -> Vec<KeyReference> {
    reference_of::<Segmentation>(SEGMENTATION_KEYS)
}

fn reference_of<K: TaskTables>(keys: &[(&'static str, &'static str)]) -> Vec<KeyReference> {
    let defaults = Table::try_from(RunConfig::<K>::default()).unwrap_or_default();
    keys.iter()
        .map(|(key, text)| {
            let (meaning, stated) = text.split_once('|').map_or((*text, None), |(text, default)| (text, Some(default)));
            let default = match stated {
                Some(stated) => stated.to_owned(),
                None => lookup(&defaults, key).map_or_else(|| "unset".to_owned(), Value::to_string),
            };
            KeyReference { key, default, meaning }
        })
        .collect()
}

fn lookup<'a>(table: &'a Table, key: &str) -> Option<&'a Value> {
    match key.split_once('.') {
        Some((head, rest)) => lookup(table.get(head)?.as_table()?, rest),
        None => table.get(key),
    }
}

/// The reference as the page `docs/configuration.md`.
pub fn key_reference_markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         A run is one TOML file; every key has a default, and `--set key=value` overrides any of them. Unknown keys are \
         refused with the nearest known one. This page is written by `cargo xtask train --help-config`.\n\n",
    );
    write_table(&mut page, &key_reference());
    page.push_str(
        "\n## Detection\n\nWith `task = \"detection\"` these keys are there besides, or differ; those of other data, \
         models, losses and `augment.eval` and `augment.mix` are not.\n\n",
    );
    write_table(&mut page, &detection_key_reference());
    page.push_str(
        "\n## Segmentation\n\nWith `task = \"segmentation\"` these keys are there besides, or differ; those of other data, \
         models, losses and `augment.eval` and `augment.mix` are not.\n\n",
    );
    write_table(&mut page, &segmentation_key_reference());
    page.push_str("\n## Augmentations\n\n| `kind` | settings |\n|---|---|\n");
    for (kind, settings) in AUGMENTATIONS {
        let _ = writeln!(page, "| {kind} | {} |", settings.replace('|', "\\|"));
    }
    page
}

fn write_table(page: &mut String, keys: &[KeyReference]) {
    page.push_str("| key | default | meaning |\n|---|---|---|\n");
    for KeyReference { key, default, meaning } in keys {
        let meaning = meaning.replace('|', "\\|");
        // Writing to a string cannot fail.
        let _ = writeln!(page, "| `{key}` | `{default}` | {meaning} |");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flatten(prefix: &str, table: &Table, keys: &mut Vec<String>) {
        for (name, value) in table {
            let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
            match value {
                // Only sections nest; a normalisation by value is one key.
                Value::Table(inner) if prefix.is_empty() => flatten(&key, inner, keys),
                _ => keys.push(key),
            }
        }
    }

    /// A configuration of each kind, between them with every key.
    const SAMPLES: &[&str] = &[
        "[data]\nkind = \"auto\"\npath = \"x\"\n[loss]\nkind = \"focal\"\nalpha = [1.0]\n[early_stopping]\n",
        "[data]\nkind = \"file-name-pattern\"\n[loss]\nkind = \"binary-cross-entropy\"\npos_weight = [1.0]\n",
        "[data]\nkind = \"cifar100\"\n[loss]\nkind = \"huber\"\n[schedule]\nkind = \"one-cycle\"\n",
        "[data]\nkind = \"mnist\"\nclasses = [\"0\"]\n[loss]\nkind = \"smooth-l1\"\n[schedule]\nkind = \"polynomial\"\n",
        "[distill]\nfrom = \"x\"\nmodel = { name = \"cnn\" }\nkey = \"ema\"\nignore = [\"a\"]\n\
         [loss]\nkind = \"cross-entropy\"\nclass_weights = [1.0]\n[schedule]\nkind = \"step\"\nepochs = 3\n\
         [optim]\nepsilon = 1.0\nclip_norm = 1.0\nclip_value = 1.0\nlayer_decay = 0.5\n\
         groups = [{ parameters = [\"fc\"] }]\n\
         [train]\nfold = { number = 1, of = 5 }\nworkers = 1\nema = 0.9\nmonitor = \"val.loss\"\n[augment]\nmix = { kind = \"mixup\", alpha = 1.0 }\n",
        "[init]\nfrom = \"x\"\nkey = \"ema\"\nignore = [\"a\"]\nfreeze = [\"b\"]\n\
         unfreeze = [{ after = 1, parameters = [\"b\"] }]\n[schedule]\nkind = \"reduce-on-plateau\"\n[model]\nname = \"cnn\"\nwidths = [1]\nconvolutions = 1\nkernel = 3\n\
         padding = 1\nbatch_norm = true\nhead = \"flatten\"\ndense = [1]\ndropout = 0.1\nzero_init_residual = true\nauxiliary_head = true\n",
    ];

    #[test]
    fn the_reference_has_exactly_the_keys_there_are() {
        let mut keys = Vec::new();
        for sample in SAMPLES {
            let config: RunConfig<Classification> =
                toml::from_str(sample).unwrap_or_else(|error| panic!("{sample}: {error}"));
            flatten("", &Table::try_from(config).expect("TOML"), &mut keys);
        }
        keys.sort();
        keys.dedup();
        let mut listed: Vec<String> = KEYS.iter().map(|(key, _)| (*key).to_owned()).collect();
        listed.sort();
        assert_eq!(listed, keys);
    }

    #[test]
    fn defaults_come_from_the_types() {
        let reference = key_reference();
        let default = |key: &str| reference.iter().find(|entry| entry.key == key).expect("listed").default.clone();
        assert_eq!(default("optim.momentum"), "0.9");
        assert_eq!(default("optim.kind"), "\"adamw\"");
        assert_eq!(default("train.ema"), "unset");
    }
}
