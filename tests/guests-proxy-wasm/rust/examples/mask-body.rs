//! Replaces a word in request and response bodies by stars of the same length. It collects each body first, because the
//! word may lie across two chunks.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root { word: Vec::new() }));
}}

struct Root {
    word: Vec<u8>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.word = self.get_plugin_configuration().unwrap_or_default();
        !self.word.is_empty()
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Filter { word: self.word.clone() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Filter {
    word: Vec<u8>,
}

impl Filter {
    fn masked(&self, mut body: Vec<u8>) -> Option<Vec<u8>> {
        let mut found = false;
        let mut at = 0;
        while at + self.word.len() <= body.len() {
            if body[at..].starts_with(&self.word) {
                body[at..at + self.word.len()].fill(b'*');
                found = true;
            }
            at += 1;
        }
        found.then_some(body)
    }
}

impl Context for Filter {}

impl HttpContext for Filter {
    fn on_http_request_body(&mut self, size: usize, end: bool) -> Action {
        if !end {
            return Action::Pause;
        }
        if let Some(masked) = self.get_http_request_body(0, size).and_then(|body| self.masked(body)) {
            self.set_http_request_body(0, size, &masked);
        }
        Action::Continue
    }

    fn on_http_response_body(&mut self, size: usize, end: bool) -> Action {
        if !end {
            return Action::Pause;
        }
        if let Some(masked) = self.get_http_response_body(0, size).and_then(|body| self.masked(body)) {
            self.set_http_response_body(0, size, &masked);
        }
        Action::Continue
    }
}
