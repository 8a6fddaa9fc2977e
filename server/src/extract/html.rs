//! HTML to text, token by token: no tree is made, so neither depth nor number of elements costs anything.

use super::{Gap, Refusal, Text};
use html5gum::{DefaultEmitter, Token, Tokenizer};

/// Elements whose content is for machines, or leads elsewhere.
const SKIPPED: &[&[u8]] = &[b"nav", b"noscript", b"script", b"style", b"svg", b"template"];
/// Elements that stand on lines of their own.
const LINES: &[&[u8]] =
    &[b"br", b"dd", b"div", b"dt", b"figcaption", b"form", b"hr", b"li", b"option", b"summary", b"title", b"tr"];
const PARAGRAPHS: &[&[u8]] = &[
    b"address",
    b"article",
    b"aside",
    b"blockquote",
    b"body",
    b"details",
    b"dl",
    b"figure",
    b"footer",
    b"h1",
    b"h2",
    b"h3",
    b"h4",
    b"h5",
    b"h6",
    b"header",
    b"main",
    b"ol",
    b"p",
    b"pre",
    b"section",
    b"table",
    b"ul",
];

/// The text of a page, its title first.
pub fn text(source: &str) -> Result<String, Refusal> {
    let mut emitter = DefaultEmitter::default();
    // Scripts and styles end where browsers let them end.
    emitter.naively_switch_states(true);
    let mut text = Text::default();
    let (mut skipped, mut depth) = (Vec::new(), 0u32);
    for token in Tokenizer::new_with_emitter(source, emitter).flatten() {
        match token {
            Token::StartTag(tag) if depth > 0 => depth += u32::from(tag.name.0 == skipped && !tag.self_closing),
            Token::EndTag(tag) if depth > 0 => depth -= u32::from(tag.name.0 == skipped),
            Token::StartTag(tag) => {
                if SKIPPED.contains(&tag.name.as_slice()) && !tag.self_closing {
                    (skipped, depth) = (tag.name.0.clone(), 1);
                }
                text.gap(gap(&tag.name));
                if tag.name.as_slice() == b"img"
                    && let Some(words) = tag.attributes.get(b"alt".as_slice())
                {
                    text.push_words(&String::from_utf8_lossy(words))?;
                }
            }
            Token::EndTag(tag) => text.gap(gap(&tag.name)),
            Token::String(words) if depth == 0 => text.push_words(&String::from_utf8_lossy(&words))?,
            _ => {}
        }
    }
    Ok(text.into_string())
}

fn gap(name: &[u8]) -> Gap {
    match name {
        name if PARAGRAPHS.contains(&name) => Gap::Paragraph,
        name if LINES.contains(&name) => Gap::Line,
        b"td" | b"th" | b"img" => Gap::Space,
        _ => Gap::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_as_people_read_them() {
        let page = "<!DOCTYPE html><html><head><title>A &amp; B</title><style>p{}</style><script>if(a<b){'</p>'}</script></head>
            <body><nav><ul><li>elsewhere</ul></nav><h1>Head</h1><p>One\n two <b>bo</b>ld.<p>Three<br>four
            <table><tr><td>a<td>b<tr><td>c</table><img src=x alt='a cat'><svg><svg></svg>no</svg> &eacute;</body>";
        assert_eq!(text(page).unwrap(), "A & B\n\nHead\n\nOne two bold.\n\nThree\nfour\n\na b\nc\n\na cat é");
    }

    #[test]
    fn no_page_is_too_wild() {
        let deep = "<div>".repeat(200_000) + "x";
        assert_eq!(text(&deep).unwrap(), "x");
        for wild in [
            "<",
            "</",
            "<!--",
            "<![CDATA[",
            "<a b='",
            "&#xffffffff;",
            "&#0;",
            "<script>",
            "<svg",
            "</svg>x",
            "<p/<p/>y",
        ] {
            text(wild).unwrap();
        }
        let many = format!("<p {}>z</p>", (0..50_000).map(|i| format!("a{i}=1 ")).collect::<String>());
        assert_eq!(text(&many).unwrap(), "z");
    }
}
