//! Downloads from an HTTP server of this test, which misbehaves as real ones do.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use datasets::fetch::{FetchPhase, fetch};
use datasets::{ArchiveKind, Manifest, RemoteFile};
use sha2::{Digest, Sha256};

/// How the server answers one request.
#[derive(Clone, Copy)]
enum Answer {
    /// As asked, with the range if there is one.
    Whole,
    /// Promises everything and closes the connection after so many bytes.
    CutAfter(usize),
    /// Sends everything whatever range is asked for.
    WithoutRange,
    /// Status 404.
    NotFound,
}

/// Serves `content` once for each answer, and reports the `Range` header of each request.
fn serve(content: Vec<u8>, answers: Vec<Answer>) -> (String, Receiver<Option<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/data.bin", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (stream, _) = listener.accept().unwrap();
            let range = read_range(&stream);
            sender.send(range.clone()).unwrap();
            respond(stream, &content, answer, range);
        }
    });
    (url, receiver)
}

fn read_range(stream: &TcpStream) -> Option<String> {
    let mut range = None;
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        if line.is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("range")
        {
            range = Some(value.trim().to_owned());
        }
    }
    range
}

fn respond(mut stream: TcpStream, content: &[u8], answer: Answer, range: Option<String>) {
    let start = match (answer, &range) {
        (Answer::Whole | Answer::CutAfter(_), Some(range)) => {
            range.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')).unwrap().parse().unwrap()
        }
        _ => 0,
    };
    let body = &content[start..];
    let mut head = match answer {
        Answer::NotFound => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n".to_owned(),
        _ if start > 0 => format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{}\r\n",
            body.len(),
            content.len() - 1,
            content.len()
        ),
        _ => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n", body.len()),
    };
    head.push_str("Connection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    match answer {
        Answer::NotFound => {}
        Answer::CutAfter(count) => stream.write_all(&body[..count]).unwrap(),
        Answer::Whole | Answer::WithoutRange => stream.write_all(body).unwrap(),
    }
}

/// 3 MB that do not repeat.
fn content() -> Vec<u8> {
    (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn manifest(urls: Vec<String>, content: &[u8]) -> Manifest {
    let sha256 = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    Manifest {
        name: "test".to_owned(),
        description: String::new(),
        licence: String::new(),
        homepage: String::new(),
        kind: "image-folder".to_owned(),
        root: String::new(),
        checksums_from: String::new(),
        files: vec![RemoteFile {
            name: "data.bin".to_owned(),
            urls,
            sha256,
            size: content.len() as u64,
            archive: ArchiveKind::None,
        }],
    }
}

#[test]
fn a_download_is_complete_reported_and_not_repeated() {
    let content = content();
    let (url, requests) = serve(content.clone(), vec![Answer::Whole]);
    let manifest = manifest(vec![url], &content);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("new/folder");
    let mut received = Vec::new();
    let root = fetch(&manifest, &target, &mut |progress| {
        assert_eq!((progress.name, progress.total), ("data.bin", 3_000_000));
        if progress.phase == FetchPhase::Download {
            received.push(progress.done);
        }
    })
    .unwrap();
    assert_eq!(root, target);
    assert_eq!(fs::read(target.join("data.bin")).unwrap(), content);
    assert_eq!((received.first(), received.last()), (Some(&0), Some(&3_000_000)));
    assert!(received.is_sorted());
    assert!(!target.join("data.bin.part").exists());
    // The server answers once: a second request would fail.
    fetch(&manifest, &target, &mut |_| {}).unwrap();
    assert_eq!(requests.iter().count(), 1);
}

#[test]
fn a_cut_download_continues_where_it_stopped() {
    let content = content();
    let (url, requests) = serve(content.clone(), vec![Answer::CutAfter(1_234_567), Answer::Whole]);
    let manifest = manifest(vec![url], &content);
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&manifest, folder.path(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("cut off after 1234567 of 3000000 bytes"), "{error}");
    assert_eq!(fs::metadata(folder.path().join("data.bin.part")).unwrap().len(), 1_234_567);
    fetch(&manifest, folder.path(), &mut |_| {}).unwrap();
    assert_eq!(fs::read(folder.path().join("data.bin")).unwrap(), content);
    assert_eq!(requests.iter().collect::<Vec<_>>(), [None, Some("bytes=1234567-".to_owned())]);
}

#[test]
fn a_server_that_ignores_the_range_is_read_from_the_start() {
    let content = content();
    let (url, _requests) = serve(content.clone(), vec![Answer::WithoutRange]);
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("data.bin.part"), &content[..1_000_000]).unwrap();
    fetch(&manifest(vec![url], &content), folder.path(), &mut |_| {}).unwrap();
    assert_eq!(fs::read(folder.path().join("data.bin")).unwrap(), content);
}

#[test]
fn a_wrong_sum_is_refused_and_nothing_is_left() {
    let content = content();
    let mut forged = content.clone();
    forged[2_000_000] ^= 1;
    let (url, _requests) = serve(forged, vec![Answer::Whole]);
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&manifest(vec![url], &content), folder.path(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("SHA-256 is ") && error.contains("expected "), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_longer_file_than_stated_is_refused() {
    let content = content();
    let longer = [&content[..], b"more"].concat();
    let (url, _requests) = serve(longer, vec![Answer::Whole]);
    let folder = tempfile::tempdir().unwrap();
    let error = fetch(&manifest(vec![url], &content), folder.path(), &mut |_| {}).unwrap_err().to_string();
    assert!(error.contains("more than the expected 3000000 bytes"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_missing_page_is_said_and_the_next_address_tried() {
    let content = content();
    let folder = tempfile::tempdir().unwrap();
    let (gone, _requests) = serve(Vec::new(), vec![Answer::NotFound]);
    let error = fetch(&manifest(vec![gone.clone()], &content), folder.path(), &mut |_| {}).unwrap_err().to_string();
    assert_eq!(error, format!("data.bin: download failed: {gone}: the server answered 404 Not Found"));

    let (gone, _requests) = serve(Vec::new(), vec![Answer::NotFound]);
    let (good, _more_requests) = serve(content.clone(), vec![Answer::Whole]);
    fetch(&manifest(vec![gone, good], &content), folder.path(), &mut |_| {}).unwrap();
    assert_eq!(fs::read(folder.path().join("data.bin")).unwrap(), content);
}

#[test]
fn archives_are_unpacked_once() {
    let mut builder = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    builder.append_data(&mut header, "set/train/cat/1.txt", &b"hello"[..]).unwrap();
    let archive = builder.into_inner().unwrap().finish().unwrap();
    let (url, _requests) = serve(archive.clone(), vec![Answer::Whole]);
    let mut manifest = manifest(vec![url], &archive);
    manifest.files[0].archive = ArchiveKind::TarGz;
    manifest.root = "set".to_owned();
    let folder = tempfile::tempdir().unwrap();
    let root = fetch(&manifest, folder.path(), &mut |_| {}).unwrap();
    assert_eq!(root, folder.path().join("set"));
    assert_eq!(fs::read(root.join("train/cat/1.txt")).unwrap(), b"hello");
    // Neither downloaded nor unpacked again, even without the archive.
    fs::remove_file(folder.path().join("data.bin")).unwrap();
    let mut phases = Vec::new();
    fetch(&manifest, folder.path(), &mut |progress| phases.push(progress.phase)).unwrap();
    assert_eq!(phases, []);
}
