//! Files of many kinds, made here so that it can be seen what is in them.

use flate2::{Compression, write::ZlibEncoder};
use std::io::{Cursor, Write};
use zip::write::{SimpleFileOptions, ZipWriter};

/// A PDF with one page a text.
pub fn pdf(pages: &[&str]) -> Vec<u8> {
    let kids: Vec<String> = (0..pages.len()).map(|page| format!("{} 0 R", 4 + 2 * page)).collect();
    let mut objects = vec![
        b"<< /Type /Catalog /Pages 2 0 R >>".to_vec(),
        format!("<< /Type /Pages /Kids [{}] /Count {} >>", kids.join(" "), pages.len()).into_bytes(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".to_vec(),
    ];
    for (page, text) in pages.iter().enumerate() {
        let content = format!("{} 0 R", 5 + 2 * page);
        objects.push(
            format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Resources << /Font << /F1 3 0 R >> >> /Contents {content} >>"
            )
            .into_bytes(),
        );
        let lines: String = text.lines().map(|line| format!("({line}) Tj 0 -14 Td ")).collect();
        objects.push(stream("", format!("BT /F1 12 Tf 72 720 Td {lines}ET").as_bytes()));
    }
    pdf_of(&objects, "/Root 1 0 R")
}

/// A stream with more in its dictionary.
pub fn stream(more: &str, bytes: &[u8]) -> Vec<u8> {
    let head = format!("<< /Length {} {more} >>\nstream\n", bytes.len());
    [head.as_bytes(), bytes, b"\nendstream"].concat()
}

/// A PDF of these objects, numbered from 1, with a table that is right.
pub fn pdf_of(objects: &[Vec<u8>], trailer: &str) -> Vec<u8> {
    let mut file = b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut places = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        places.push(file.len());
        file.extend(format!("{} 0 obj\n", number + 1).bytes());
        file.extend(object);
        file.extend(b"\nendobj\n");
    }
    let start = file.len();
    file.extend(format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).bytes());
    for place in places {
        file.extend(format!("{place:010} 00000 n \n").bytes());
    }
    file.extend(format!("trailer\n<< /Size {} {trailer} >>\nstartxref\n{start}\n%%EOF\n", objects.len() + 1).bytes());
    file
}

/// What `deflate` makes of zeros without end: `length` of them.
pub fn packed_zeros(length: usize) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    let some = vec![b' '; 1 << 20];
    let mut left = length;
    while left > 0 {
        let step = left.min(some.len());
        encoder.write_all(&some[..step]).unwrap();
        left -= step;
    }
    encoder.finish().unwrap()
}

/// A zip of these files.
pub fn zip(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// The XML of a DOCX with these paragraphs.
pub fn docx_xml(paragraphs: &[&str]) -> String {
    let body: String = paragraphs.iter().map(|text| format!("<w:p><w:r><w:t>{text}</w:t></w:r></w:p>")).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><w:document xmlns:w=\"http://schemas.openxmlformats.org/wordprocessingml/2006/main\"><w:body>{body}</w:body></w:document>"
    )
}

/// A DOCX of this XML.
pub fn docx_of(xml: &[u8]) -> Vec<u8> {
    zip(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", xml)])
}

pub fn docx(paragraphs: &[&str]) -> Vec<u8> {
    docx_of(docx_xml(paragraphs).as_bytes())
}
