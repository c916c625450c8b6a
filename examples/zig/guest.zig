//! The module's side of the JSON ABI: memory for the host, JSON in, JSON out. Nothing here knows the policy, so it can
//! be taken over unchanged.
//!
//! Every failure traps: the host then answers by its own policy (`--fail-open` or not). Answering 0 instead would mean
//! "allow".

const std = @import("std");
const Allocator = std.mem.Allocator;

pub const Header = struct {
    name: []const u8,
    value: []const u8,
};

/// A JSON object of strings, as a list: a few dozen headers are read faster than hashed.
const Headers = struct {
    list: std.ArrayList(Header) = .empty,

    /// A later value replaces an earlier one.
    fn put(self: *Headers, allocator: Allocator, name: []const u8, value: []const u8) !void {
        for (self.list.items) |*header| {
            if (std.ascii.eqlIgnoreCase(header.name, name)) {
                header.value = value;
                return;
            }
        }
        try self.list.append(allocator, .{ .name = name, .value = value });
    }

    pub fn jsonParse(allocator: Allocator, source: anytype, options: std.json.ParseOptions) !Headers {
        var headers = Headers{};
        if (try source.next() != .object_begin) return error.UnexpectedToken;
        while (true) {
            const name = switch (try source.nextAllocMax(allocator, .alloc_if_needed, options.max_value_len.?)) {
                .object_end => return headers,
                inline .string, .allocated_string => |name| name,
                else => return error.UnexpectedToken,
            };
            const value = try std.json.innerParse([]const u8, allocator, source, options);
            try headers.list.append(allocator, .{ .name = name, .value = value });
        }
    }

    pub fn jsonStringify(self: Headers, json: anytype) !void {
        try json.beginObject();
        for (self.list.items) |header| {
            try json.objectField(header.name);
            try json.write(header.value);
        }
        try json.endObject();
    }
};

/// A request, as far as a policy needs it. The host sends `method` and `correlation_id` too: add the fields to read them.
pub const Request = struct {
    uri: []const u8,
    client_ip: []const u8,
    headers: Headers,

    pub fn hasHeader(self: Request, name: []const u8) bool {
        var values = self.headerValues(name);
        return values.next() != null;
    }

    /// The values of a header, whatever the letter case of its name.
    pub fn headerValues(self: Request, name: []const u8) HeaderValues {
        return .{ .rest = self.headers.list.items, .name = name };
    }
};

pub const HeaderValues = struct {
    rest: []const Header,
    name: []const u8,

    pub fn next(self: *HeaderValues) ?[]const u8 {
        for (self.rest, 1..) |header, seen| {
            if (!std.ascii.eqlIgnoreCase(header.name, self.name)) continue;
            self.rest = self.rest[seen..];
            return header.value;
        }
        self.rest = &.{};
        return null;
    }
};

/// A response. The host sends `headers` and `correlation_id` too.
pub const Response = struct {
    status: u16,
};

/// What the host says of a body. It sends `correlation_id`, `chunk_index` and `total_size` too.
pub const Body = struct {
    is_last: bool,
    truncated: bool,
    can_replace: bool,
};

/// What the host says of a WebSocket frame. It sends `correlation_id` and `frame_index` too.
pub const Frame = struct {
    opcode: []const u8,
    client_to_server: bool,
    fin: bool,
};

/// The answer to the host. As it comes it allows and changes nothing.
pub const Verdict = struct {
    arena: Allocator,
    decision: enum { allow, block, redirect } = .allow,
    status: ?u16 = null,
    body: ?[]const u8 = null,
    add_request_headers: Headers = .{},
    add_response_headers: Headers = .{},
    remove_response_headers: std.ArrayList([]const u8) = .empty,
    tags: std.ArrayList([]const u8) = .empty,
    /// In place of the bytes of a body event, where the event says `can_replace`.
    replace_body: ?[]const u8 = null,
    /// What becomes of a WebSocket frame.
    frame: ?enum { allow, drop, close } = null,

    pub fn block(self: *Verdict, status: u16, body: []const u8, name: []const u8) !void {
        self.decision = .block;
        self.status = status;
        self.body = body;
        try self.tag("{s}", .{name});
    }

    pub fn redirect(self: *Verdict, status: u16, location: []const u8) void {
        self.decision = .redirect;
        self.status = status;
        self.body = location;
    }

    pub fn tag(self: *Verdict, comptime format: []const u8, arguments: anytype) !void {
        try self.tags.append(self.arena, try std.fmt.allocPrint(self.arena, format, arguments));
    }

    pub fn addRequestHeader(self: *Verdict, name: []const u8, value: []const u8) !void {
        try self.add_request_headers.put(self.arena, name, value);
    }

    pub fn addResponseHeader(self: *Verdict, name: []const u8, value: []const u8) !void {
        try self.add_response_headers.put(self.arena, name, value);
    }

    pub fn removeResponseHeader(self: *Verdict, name: []const u8) !void {
        try self.remove_response_headers.append(self.arena, name);
    }

    fn toJson(self: Verdict, allocator: Allocator) ![]u8 {
        return std.json.Stringify.valueAlloc(allocator, .{
            .decision = self.decision,
            .status = self.status,
            .body = self.body,
            .add_request_headers = self.add_request_headers,
            .add_response_headers = self.add_response_headers,
            .remove_response_headers = self.remove_response_headers.items,
            .tags = self.tags.items,
            .replace_body = self.replace_body,
            .frame = self.frame,
        }, .{ .emit_null_optional_fields = false });
    }
};

const host_memory = std.heap.wasm_allocator;

/// Memory into which the host writes an event: at least a byte, as slices of nothing have no address.
export fn alloc(len: usize) [*]u8 {
    return (host_memory.alloc(u8, @max(len, 1)) catch @trap()).ptr;
}

/// The host gives back what it got from `alloc` or from a handler.
export fn dealloc(pointer: [*]u8, len: usize) void {
    host_memory.free(pointer[0..@max(len, 1)]);
}

/// Runs a policy function on one event and hands its verdict to the host.
pub fn answer(
    comptime Event: type,
    input: []const u8,
    comptime decide: fn (Event, *Verdict) anyerror!void,
) u64 {
    return result(decideToJson(Event, input, .{}, decide) catch @trap());
}

/// The same for an event with bytes; nothing has no address.
pub fn answerBytes(
    comptime Event: type,
    input: []const u8,
    bytes: ?[*]const u8,
    len: usize,
    comptime decide: fn (Event, []const u8, *Verdict) anyerror!void,
) u64 {
    const body: []const u8 = if (bytes) |start| start[0..len] else "";
    return result(decideToJson(Event, input, .{body}, decide) catch @trap());
}

fn result(output: []const u8) u64 {
    return @as(u64, @intFromPtr(output.ptr)) << 32 | output.len;
}

/// `more`: what the policy function takes between the event and the verdict.
fn decideToJson(comptime Event: type, input: []const u8, more: anytype, comptime decide: anytype) ![]u8 {
    var arena = std.heap.ArenaAllocator.init(host_memory);
    defer arena.deinit();

    const event = try std.json.parseFromSliceLeaky(Event, arena.allocator(), input, .{
        .ignore_unknown_fields = true,
    });
    var verdict = Verdict{ .arena = arena.allocator() };
    try @call(.auto, decide, .{event} ++ more ++ .{&verdict});
    return verdict.toJson(host_memory);
}
