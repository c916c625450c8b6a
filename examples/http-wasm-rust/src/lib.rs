//! A plug-in of the http-wasm ABI: it answers requests for /admin itself, and hides words in what the upstream answers.

use http_wasm_guest::host::{Request, Response, admin, feature};
use http_wasm_guest::{Guest, register};

struct Plugin {
    /// What nobody may read, from the configuration: one word a line.
    words: Vec<Vec<u8>>,
}

impl Guest for Plugin {
    /// The number goes to `handle_response` of the same request; it is not used here.
    fn handle_request(&self, request: &Request, response: &Response) -> (bool, i32) {
        if is_admin(&request.uri()) && request.header.get(b"authorization").is_none() {
            response.set_status(401);
            response.header.set(b"www-authenticate", b"Bearer");
            response.body.write(b"Authentication required");
            return (false, 0);
        }
        if !self.words.is_empty() {
            // In a compressed body no word could be found.
            request.header.remove(b"accept-encoding");
        }
        request.header.set(b"x-wasm-processed", b"true");
        (true, 0)
    }

    fn handle_response(&self, _number: i32, _request: &Request, response: &Response, is_error: bool) {
        if is_error || self.words.is_empty() {
            return;
        }
        let mut body = response.body.read().to_vec();
        if self.hide_words(&mut body) {
            response.body.write(&body);
        }
    }
}

impl Plugin {
    /// Whether there was one. The length stays as it is, and with it the Content-Length.
    fn hide_words(&self, body: &mut [u8]) -> bool {
        let mut is_changed = false;
        for word in &self.words {
            let mut at = 0;
            while at + word.len() <= body.len() {
                if body[at..].starts_with(word) {
                    body[at..at + word.len()].fill(b'*');
                    is_changed = true;
                    at += word.len();
                } else {
                    at += 1;
                }
            }
        }
        is_changed
    }
}

/// The uri is what the client sent, with the query; nothing is percent-decoded.
fn is_admin(uri: &[u8]) -> bool {
    let path = uri.split(|byte| *byte == b'?').next().unwrap_or_default();
    path == b"/admin" || path.starts_with(b"/admin/")
}

/// The host calls it once, before the first request.
#[unsafe(no_mangle)]
pub extern "C" fn _initialize() {
    let words: Vec<Vec<u8>> = admin::config()
        .split(|byte| *byte == b'\n')
        .map(|line| line.trim_ascii().to_vec())
        .filter(|word| !word.is_empty())
        .collect();
    if !words.is_empty() {
        admin::enable(feature::BufferResponse);
    }
    register(Plugin { words });
}
