//! Files that no one should be asked to read: damaged, locked, endless, or not what they say.

use super::files::*;
use super::noise;
use cloudindex_wire::codes::*;

/// Name, bytes, and the codes that its error may have.
pub type Bad = (String, Vec<u8>, &'static [&'static str]);

/// Damage may be found, or break the reader: both are typed.
const BROKEN: &[&str] = &[INVALID_FILE, EXTRACTION_FAILED, EXTRACTION_TIMEOUT, TEXT_TOO_LONG];
const INVALID: &[&str] = &[INVALID_FILE];
const UNKNOWN: &[&str] = &[UNSUPPORTED_TYPE];

pub fn all() -> Vec<Bad> {
    let mut all = Vec::new();
    pdfs(&mut all);
    documents(&mut all);
    json(&mut all);
    long(&mut all);
    others(&mut all);
    all
}

fn add(all: &mut Vec<Bad>, name: &str, bytes: impl AsRef<[u8]>, codes: &'static [&'static str]) {
    all.push((format!("{}-{name}", all.len()), bytes.as_ref().to_vec(), codes));
}

/// A PDF whose one page has this dictionary and this content.
fn page(page: &str, content: Vec<u8>) -> Vec<u8> {
    let pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_vec();
    let font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_vec();
    pdf_of(
        &[b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), pages, page.as_bytes().to_vec(), content, font],
        "/Root 1 0 R",
    )
}

fn pdfs(all: &mut Vec<Bad>) {
    let good = pdf(&["Good words.", "On two pages."]);
    let half = &good[..good.len() / 2];
    add(all, "half.pdf", half, BROKEN);
    add(all, "head.pdf", b"%PDF-1.7\n", BROKEN);
    add(all, "junk.pdf", [b"%PDF-1.7\n".as_slice(), &noise(1, 50_000)].concat(), BROKEN);
    add(all, "words.pdf", "%PDF-1.7\nsome words\n%%EOF\n", BROKEN);
    add(all, "text.pdf", "I am no PDF at all.", INVALID);
    add(all, "empty.pdf", "", INVALID);
    add(all, "zeros.pdf", vec![0; 100_000], UNKNOWN);
    add(all, "no-root.pdf", pdf_of(&[b"<< >>".to_vec()], ""), BROKEN);
    add(all, "no-pages.pdf", pdf_of(&[b"<< /Type /Catalog >>".to_vec()], "/Root 1 0 R"), BROKEN);
    let none = b"<< /Type /Pages /Kids [] /Count 0 >>".to_vec();
    add(all, "none.pdf", pdf_of(&[b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), none], "/Root 1 0 R"), BROKEN);
    let ring = b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 2 >>".to_vec();
    add(all, "ring.pdf", pdf_of(&[b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(), ring], "/Root 1 0 R"), BROKEN);
    let own = b"1 0 R".to_vec();
    add(all, "self.pdf", pdf_of(&[own], "/Root 1 0 R"), BROKEN);
    let words = || stream("", b"BT /F1 12 Tf (x) Tj ET");
    let with = "/Type /Page /Parent 2 0 R /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R";
    add(all, "no-box.pdf", page(&format!("<< {with} >>"), words()), BROKEN);
    add(all, "odd-box.pdf", page(&format!("<< {with} /MediaBox [0 /x] >>"), words()), BROKEN);
    let boxed = format!("<< {with} /MediaBox [0 0 9 9] >>");
    add(all, "bomb.pdf", page(&boxed, stream("/Filter /FlateDecode", &packed_zeros(512 << 20))), BROKEN);
    let twice = stream("/Filter [/FlateDecode /FlateDecode]", &repacked(512 << 20));
    add(all, "bomb-in-bomb.pdf", page(&boxed, twice), BROKEN);
    let deep = "[".repeat(2_000_000).into_bytes();
    add(all, "deep.pdf", pdf_of(&[b"<< /Type /Catalog >>".to_vec(), deep.clone()], "/Root 2 0 R"), BROKEN);
    add(all, "deep-page.pdf", page(&format!("<< {with} /MediaBox {} >>", "<</a".repeat(500_000)), words()), BROKEN);
    let locked =
        "/Root 1 0 R /ID [<00112233445566778899aabbccddeeff> <00112233445566778899aabbccddeeff>] /Encrypt 2 0 R";
    let lock = format!(
        "<< /Filter /Standard /V 2 /R 3 /Length 128 /P -44 /O <{}> /U <{}> >>",
        "ab".repeat(32),
        "cd".repeat(32)
    );
    let catalog = b"<< /Type /Catalog /Pages 3 0 R >>".to_vec();
    let file = pdf_of(&[catalog, lock.into_bytes(), b"<< /Type /Pages /Kids [] /Count 0 >>".to_vec()], locked);
    add(all, "locked.pdf", file, &[ENCRYPTED]);
    let mut table = good.clone();
    let start = table.windows(9).rposition(|at| at == b"startxref").unwrap();
    table.truncate(start);
    table.extend(b"startxref\n99999999999999\n%%EOF\n");
    table.retain(|byte| *byte != b'o');
    add(all, "table.pdf", table, BROKEN);
    for (number, at) in [100, 300, 500].into_iter().enumerate() {
        let mut torn = good.clone();
        let noise = noise(number as u64, 400);
        torn.splice(at..at + 60, noise);
        torn.truncate(torn.len() * 2 / 3);
        add(all, "torn.pdf", torn, BROKEN);
    }
}

fn repacked(length: usize) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&packed_zeros(length)).unwrap();
    encoder.finish().unwrap()
}

fn documents(all: &mut Vec<Bad>) {
    let good = docx(&["Good words.", "More."]);
    add(all, "half.docx", &good[..good.len() / 2], INVALID);
    add(all, "text.docx", "I am no DOCX.", INVALID);
    add(all, "png.docx", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", UNKNOWN);
    add(all, "empty.docx", zip(&[]), INVALID);
    add(all, "other.docx", zip(&[("readme.txt", b"x")]), INVALID);
    add(all, "no-xml.docx", docx_of(b"words"), INVALID);
    add(all, "blank.docx", docx_of(b""), INVALID);
    add(all, "binary.docx", docx_of(&noise(5, 9000)), INVALID);
    add(all, "crossed.docx", docx_of(b"<a><b></a></b>"), INVALID);
    add(all, "open.docx", docx_of(b"<w:document><w:body><w:p>"), INVALID);
    add(all, "deep.docx", docx_of("<a>".repeat(1_000_000).as_bytes()), BROKEN);
    add(all, "bomb.docx", docx_of(docx_xml(&[&" bomb".repeat(14 << 20)]).as_bytes()), &[TEXT_TOO_LONG]);
    add(
        all,
        "blanks.docx",
        docx_of(docx_xml(&[&" ".repeat(70 << 20)]).as_bytes()),
        &[TEXT_TOO_LONG, EXTRACTION_FAILED],
    );
    add(
        all,
        "tags.docx",
        docx_of(docx_xml(&["</w:t><w:br/><w:t>"; 4 << 20]).as_bytes()),
        &[TEXT_TOO_LONG, EXTRACTION_TIMEOUT],
    );
    let mut torn = good.clone();
    torn[60..90].copy_from_slice(&noise(6, 30));
    add(all, "torn.docx", torn, INVALID);
    let mut locked = good.clone();
    // The flag of a password, in both places where a file is described.
    for (mark, at) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let places: Vec<usize> =
            locked.windows(4).enumerate().filter(|(_, four)| four == mark).map(|(at, _)| at).collect();
        places.into_iter().for_each(|place| locked[place + at] |= 1);
    }
    add(all, "locked.docx", locked, &[ENCRYPTED]);
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let compound = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1".to_vec();
    add(all, "password.docx", [compound.clone(), vec![0; 1016], name].concat(), &[ENCRYPTED]);
    add(all, "old.doc", [compound, vec![0; 2000]].concat(), UNKNOWN);
    let mut method = good;
    for (mark, at) in [(b"PK\x03\x04", 8), (b"PK\x01\x02", 10)] {
        let places: Vec<usize> =
            method.windows(4).enumerate().filter(|(_, four)| four == mark).map(|(at, _)| at).collect();
        places.into_iter().for_each(|place| method[place + at] = 99);
    }
    add(all, "method.docx", method, BROKEN);
    let huge = zip(&[("a.txt", &vec![0; 64 << 20])]);
    add(all, "huge.zip", huge, UNKNOWN);
}

fn json(all: &mut Vec<Bad>) {
    for (name, text) in [
        ("half.json", r#"{"a": [1, 2"#),
        ("comma.json", "[1, 2,]"),
        ("words.json", "not json"),
        ("nan.json", "[NaN]"),
        ("control.json", "[\"a\u{1}b, and more words that are of no harm\"]"),
        ("large.json", "[1e999]"),
        ("twice.jsonl", "{\"a\":1}\n{\"a\":\n"),
    ] {
        add(all, name, text, INVALID);
    }
    add(all, "deep.json", "[".repeat(5 << 20), INVALID);
    add(all, "deep-objects.json", "{\"a\":".repeat(1 << 20), INVALID);
    add(all, "cut.json", &b"[\"\xf0\x9f\xa6\xff\"]"[..6], INVALID);
}

fn long(all: &mut Vec<Bad>) {
    let line = "A line of text that goes on and on.\n";
    add(all, "long.txt", line.repeat(17 << 20 >> 5), &[TEXT_TOO_LONG]);
    add(all, "long.html", format!("<p>{}", line.repeat(17 << 20 >> 5)), &[TEXT_TOO_LONG]);
    add(all, "long.json", format!("[{}1]", "\"words and words\",".repeat(2 << 20)), &[TEXT_TOO_LONG]);
    add(all, "long.csv", "a,b,c,d\n".repeat(3 << 20), &[TEXT_TOO_LONG]);
    add(all, "long.md", "- *item*\n".repeat(4 << 20), &[TEXT_TOO_LONG, EXTRACTION_TIMEOUT, EXTRACTION_FAILED]);
}

fn others(all: &mut Vec<Bad>) {
    let kinds: &[(&str, &[u8])] = &[
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("a.jpg", b"\xff\xd8\xff\xe0\0\x10JFIF\0"),
        ("a.gif", b"GIF89a\x01\0\x01\0\0"),
        ("a.webp", b"RIFF\x24\0\0\0WEBPVP8 "),
        ("a.bmp", b"BM\x46\0\0\0\0\0\0\0"),
        ("a.mp3", b"ID3\x03\0\0\0\0\0\0"),
        ("a.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0"),
        ("a.wav", b"RIFF\x24\0\0\0WAVEfmt "),
        ("a.ogg", b"OggS\0\x02\0\0"),
        ("a.exe", b"MZ\x90\0\x03\0\0\0"),
        ("a.so", b"\x7fELF\x02\x01\x01\0"),
        ("a.wasm", b"\0asm\x01\0\0\0"),
        ("a.class", b"\xca\xfe\xba\xbe\0\0\0\x34"),
        ("a.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03"),
        ("a.xz", b"\xfd7zXZ\0\0\x04"),
        ("a.zst", b"\x28\xb5\x2f\xfd\0\0\0"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c\0\x04"),
        ("a.rar", b"Rar!\x1a\x07\x01\0"),
        ("a.sqlite", b"SQLite format 3\0\x10\0"),
        ("a.woff2", b"wOF2\0\x01\0\0"),
        ("a.rtf", b"{\\rtf1\\ansi words}"),
        ("photo.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"),
        ("wide.txt", b"w\0i\0d\0e\0"),
    ];
    for (name, bytes) in kinds {
        add(all, name, bytes, UNKNOWN);
    }
    add(all, "noise.bin", noise(9, 3 << 20), UNKNOWN);
    add(all, "zeros.txt", vec![0; 1 << 20], UNKNOWN);
    add(all, "text.png", "words", INVALID);
    add(all, "text.xlsx", "words", INVALID);
}
