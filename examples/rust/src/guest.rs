//! The module's side of the JSON ABI: memory for the host, JSON in, JSON out. Nothing here knows the policy, so it can
//! be taken over unchanged.
//!
//! Every failure aborts, which traps: the host then answers by its own policy (`--fail-open` or not). Answering 0
//! instead would mean "allow".

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::{fmt, ptr, slice};

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A request, as far as a policy needs it. The host sends `method` and `correlation_id` too: add the fields to read them.
#[derive(Deserialize)]
pub struct Request<'a> {
    #[serde(borrow)]
    pub uri: Cow<'a, str>,
    #[serde(borrow)]
    pub client_ip: Cow<'a, str>,
    #[serde(borrow)]
    headers: Headers<'a>,
}

impl Request<'_> {
    /// The values of a header, whatever the letter case of its name.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.headers
            .0
            .iter()
            .filter(move |(key, _)| key.0.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.0.as_ref())
    }
}

/// A text of the input, which is copied only when it has escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// In the order of the input: a policy looks at few of them, so a map would cost more than it saves.
struct Headers<'a>(Vec<(Text<'a>, Text<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Headers<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(HeadersVisitor(PhantomData))
    }
}

struct HeadersVisitor<'a>(PhantomData<&'a str>);

impl<'de: 'a, 'a> Visitor<'de> for HeadersVisitor<'a> {
    type Value = Headers<'a>;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("an object of header values")
    }

    fn visit_map<Entries: MapAccess<'de>>(
        self,
        mut entries: Entries,
    ) -> Result<Self::Value, Entries::Error> {
        let mut headers = Vec::with_capacity(16);
        while let Some(header) = entries.next_entry()? {
            headers.push(header);
        }
        Ok(Headers(headers))
    }
}

/// A response. The host sends `headers` and `correlation_id` too.
#[derive(Deserialize)]
pub struct Response {
    pub status: u16,
}

/// The answer to the host; `default` allows and changes nothing.
#[derive(Serialize)]
pub struct Verdict {
    decision: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    add_request_headers: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    add_response_headers: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remove_response_headers: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replace_body: Option<Cow<'static, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frame: Option<&'static str>,
}

impl Default for Verdict {
    fn default() -> Self {
        Self {
            decision: "allow",
            status: None,
            body: None,
            add_request_headers: BTreeMap::new(),
            add_response_headers: BTreeMap::new(),
            remove_response_headers: Vec::new(),
            tags: Vec::new(),
            replace_body: None,
            frame: None,
        }
    }
}

impl Verdict {
    pub fn block(mut self, status: u16, body: &'static str, tag: &str) -> Self {
        self.decision = "block";
        self.status = Some(status);
        self.body = Some(Cow::Borrowed(body));
        self.tag(tag);
        self
    }

    #[allow(dead_code)]
    pub fn redirect(mut self, status: u16, location: impl Into<Cow<'static, str>>) -> Self {
        self.decision = "redirect";
        self.status = Some(status);
        self.body = Some(location.into());
        self
    }

    /// In place of the bytes of a body event, where the event says `can_replace`.
    #[allow(dead_code)]
    pub fn replace_body(mut self, text: impl Into<Cow<'static, str>>) -> Self {
        self.replace_body = Some(text.into());
        self
    }

    /// A WebSocket frame goes no further.
    #[allow(dead_code)]
    pub fn drop_frame(mut self) -> Self {
        self.frame = Some("drop");
        self
    }

    pub fn tag(&mut self, tag: impl Into<String>) {
        self.tags.push(tag.into());
    }

    pub fn add_request_header(&mut self, name: &'static str, value: &str) {
        self.add_request_headers.insert(name, value.to_owned());
    }

    pub fn add_response_header(&mut self, name: &'static str, value: &str) {
        self.add_response_headers.insert(name, value.to_owned());
    }

    pub fn remove_response_header(&mut self, name: &'static str) {
        self.remove_response_headers.push(name);
    }
}

/// Memory into which the host writes an event.
#[no_mangle]
pub extern "C" fn alloc(size: usize) -> *mut u8 {
    leak(vec![0; size])
}

/// The host gives back what it got from `alloc` or from a handler.
///
/// # Safety
/// `pointer` and `size` belong together, and are given back once.
#[no_mangle]
pub unsafe extern "C" fn dealloc(pointer: *mut u8, size: usize) {
    drop(Box::from_raw(ptr::slice_from_raw_parts_mut(pointer, size)));
}

/// # Safety
/// `pointer` came from `alloc(size)`, and the host has filled it.
#[no_mangle]
pub unsafe extern "C" fn on_request_headers(pointer: *const u8, size: usize) -> u64 {
    answer(bytes(pointer, size), crate::on_request)
}

/// # Safety
/// As `on_request_headers`.
#[no_mangle]
pub unsafe extern "C" fn on_response_headers(pointer: *const u8, size: usize) -> u64 {
    answer(bytes(pointer, size), crate::on_response)
}

/// What the host has written. Nothing has no address.
///
/// # Safety
/// `pointer` came from `alloc(size)`, or `size` is 0. The bytes must not be used after the handler has returned.
pub unsafe fn bytes<'a>(pointer: *const u8, size: usize) -> &'a [u8] {
    if size == 0 {
        return &[];
    }
    slice::from_raw_parts(pointer, size)
}

fn answer<'a, Event: Deserialize<'a>>(input: &'a [u8], decide: fn(Event) -> Verdict) -> u64 {
    let event = serde_json::from_slice(input).unwrap_or_else(|_| std::process::abort());
    result(&decide(event))
}

/// What a handler returns: where the JSON lies, and how long it is.
pub fn result(verdict: &Verdict) -> u64 {
    let output = serde_json::to_vec(verdict).unwrap_or_else(|_| std::process::abort());
    let size = output.len();
    (leak(output) as u64) << 32 | size as u64
}

fn leak(bytes: Vec<u8>) -> *mut u8 {
    Box::into_raw(bytes.into_boxed_slice()).cast()
}
