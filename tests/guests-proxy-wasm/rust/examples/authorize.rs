//! Asks another service whether a request may pass: it pauses, calls, and goes on or replies. What the service says about
//! the user becomes a header.

use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};
use std::time::Duration;

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|_| Box::new(Root));
}}

struct Root;

impl Context for Root {}

impl RootContext for Root {
    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Filter))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

struct Filter;

impl HttpContext for Filter {
    fn on_http_request_headers(&mut self, _count: usize, _end: bool) -> Action {
        let path = self.get_http_request_header(":path").unwrap_or_default();
        let called = self.dispatch_http_call(
            "authz",
            vec![
                (":method", "GET"),
                (":path", &format!("/check?path={path}")),
                (":authority", "authz.test"),
            ],
            None,
            vec![],
            Duration::from_millis(500),
        );
        match called {
            Ok(_) => Action::Pause,
            Err(status) => {
                log::warn!("the call was refused: {status:?}");
                self.send_http_response(503, vec![], Some(b"no authorization service"));
                Action::Pause
            }
        }
    }
}

impl Context for Filter {
    fn on_http_call_response(&mut self, _call: u32, _headers: usize, body_size: usize, _trailers: usize) {
        match self.get_http_call_response_header(":status").as_deref() {
            Some("200") => {
                let body = self.get_http_call_response_body(0, body_size).unwrap_or_default();
                self.set_http_request_header("x-user", Some(&String::from_utf8_lossy(&body)));
                self.resume_http_request();
            }
            Some(_) => self.send_http_response(403, vec![("x-denied-by", "authz")], Some(b"denied")),
            None => self.send_http_response(504, vec![], Some(b"the authorization service did not answer")),
        }
    }
}
