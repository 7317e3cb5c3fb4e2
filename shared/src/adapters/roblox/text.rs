//! Roblox's texts, which anybody may have written: a group's name and description, a role's name, an error's body. They
//! are shown in terminals, logs and pages, where some characters are commands.

/// What takes the place of the bot's key.
const MASK: &str = "[the bot's key]";

/// One line, without characters that command a terminal or turn a line's direction around.
pub(super) fn line(text: &str) -> String {
    text.chars().filter(|character| !is_command(*character)).collect()
}

/// Several lines: line breaks and tabs stay.
pub(super) fn lines(text: &str) -> String {
    text.chars().filter(|character| matches!(character, '\n' | '\t') || !is_command(*character)).collect()
}

/// The beginning of an error's body for the log, without the key that was sent, however the body writes it.
pub(super) fn excerpt(body: &[u8], key: &str, most: usize) -> String {
    let text = String::from_utf8_lossy(body);
    let in_json = serde_json::to_string(key).unwrap_or_default();
    let in_json = in_json.trim_matches('"');
    let encoded = percent_encoding::utf8_percent_encode(key, percent_encoding::NON_ALPHANUMERIC).to_string();
    let mut masked = text.into_owned();
    for written in [key, in_json, &key.replace('/', "\\/"), &encoded] {
        if !written.is_empty() {
            masked = masked.replace(written, MASK);
        }
    }
    line(without_a_beginning_of(key, &masked)).chars().take(most).collect()
}

/// The text, without a beginning of the key at its end: the body may have been read no further than into the key.
fn without_a_beginning_of<'t>(key: &str, text: &'t str) -> &'t str {
    /// Shorter ones give nothing away, and may be words.
    const SHORTEST: usize = 4;
    let lengths = (SHORTEST..key.len()).rev().filter(|length| key.is_char_boundary(*length));
    let mut beginnings = lengths.filter_map(|length| key.get(..length));
    beginnings.find_map(|beginning| text.strip_suffix(beginning)).unwrap_or(text)
}

/// Control characters (terminals obey them), spaces without width, and the marks and overrides of direction (Unicode's
/// bidirectional algorithm). Joiners stay: emoji and some scripts need them.
fn is_command(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{61c}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_a_terminal_is_taken_out_and_what_is_read_stays() {
        assert_eq!(line("Cap\u{1b}[31mtain\u{7}\u{9b}2J\r\n"), "Cap[31mtain2J");
        assert_eq!(line("\u{202e}nimdA\u{2066}\u{200b}"), "nimdA");
        assert_eq!(line("Zoë ★ 機長 👨\u{200d}✈️"), "Zoë ★ 機長 👨\u{200d}✈️");
        assert_eq!(lines("One\r\nTwo\tthree\u{1b}"), "One\nTwo\tthree");
    }

    #[test]
    fn a_key_that_was_read_by_halves_is_not_shown() {
        for cut in 4..16 {
            let body = format!("no such key: {}", &"0123456789abcdef"[..cut]);
            assert_eq!(excerpt(body.as_bytes(), "0123456789abcdef", 300), "no such key: ", "{cut}");
        }
    }

    #[test]
    fn the_bots_key_is_masked_however_it_is_written() {
        let key = r#"ab/c+d"=="#;
        let body = format!("{key} ab\\/c+d\"== {} ab%2Fc%2Bd%22%3D%3D", serde_json::to_string(key).unwrap());
        let shown = excerpt(body.as_bytes(), key, 300);
        assert!(!shown.contains("c+d") && !shown.contains("c%2Bd"), "{shown}");
        assert_eq!(shown.matches(MASK).count(), 4, "{shown}");
    }
}
