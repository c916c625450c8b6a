//! Words to look for in a text. One pass looks for all of them, since most letters begin none.

pub struct Words<const COUNT: usize> {
    words: [&'static str; COUNT],
    /// By byte: whether one of the words begins with it, in either letter case.
    begins_one: [bool; 256],
}

impl<const COUNT: usize> Words<COUNT> {
    /// The words have no capital letters, and none is empty.
    pub const fn new(words: [&'static str; COUNT]) -> Self {
        let mut begins_one = [false; 256];
        let mut i = 0;
        while i < COUNT {
            let first = words[i].as_bytes()[0];
            begins_one[first as usize] = true;
            begins_one[first.to_ascii_uppercase() as usize] = true;
            i += 1;
        }
        Self { words, begins_one }
    }

    /// Whether one of them stands in the text, in any case of its ASCII letters.
    pub fn any_in(&self, text: &str) -> bool {
        let text = text.as_bytes();
        text.iter()
            .enumerate()
            .any(|(at, byte)| self.begins_one[*byte as usize] && self.any_begins(&text[at..]))
    }

    fn any_begins(&self, text: &[u8]) -> bool {
        self.words.iter().any(|word| {
            text.get(..word.len())
                .map_or(false, |start| start.eq_ignore_ascii_case(word.as_bytes()))
        })
    }
}
