//! Text of other people's making, before a person sees it.

/// The longest text that is shown, in characters.
const LONGEST: usize = 400;

/// The text without what could move a cursor, hide or turn other text round: each such character becomes
/// U+FFFD, and what is too long to be read is cut off. A server's words are shown, never followed.
pub fn plain(text: &str) -> String {
    let mut shown: String =
        text.chars().take(LONGEST).map(|letter| if is_active(letter) { '\u{fffd}' } else { letter }).collect();
    if text.chars().nth(LONGEST).is_some() {
        shown.push('…');
    }
    shown
}

/// Controls, and the Unicode format characters that change what other characters look like.
fn is_active(letter: char) -> bool {
    letter.is_control()
        || matches!(
            letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i_22_what_moves_a_cursor_or_turns_text_round_is_neutralised() {
        let hostile = "\u{1b}[2J\u{9b}31mpay\r\n\u{202e}kcab\u{200b}\u{feff}";
        assert_eq!(plain(hostile), "\u{fffd}[2J\u{fffd}31mpay\u{fffd}\u{fffd}\u{fffd}kcab\u{fffd}\u{fffd}");
        assert_eq!(plain("Zürich, 東京"), "Zürich, 東京");
        assert_eq!(plain(&"a".repeat(100_000)).chars().count(), LONGEST + 1);
    }
}
