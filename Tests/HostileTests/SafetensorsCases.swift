import Checkpoints
import Formats
import Foundation
import TestSupport

/// The bytes of a safetensors file, right or wrong.
private func safetensors(_ header: [UInt8], data: [UInt8] = [], declaring count: UInt64? = nil) -> [UInt8] {
  eight(count ?? UInt64(header.count)) + header + data
}

/// Opens a file and reads all of its tensors.
@Sendable private func openAll(_ path: String) throws {
  let file = try SafetensorsFile(opening: path)
  for entry in file.entries { _ = try file.bytes(of: entry, budget: 1 << 24) }
}

private func raw(_ name: String, _ bytes: [UInt8], _ kinds: InputError.Kind...) -> HostileCase {
  hostile(name, bytes, kinds)
}

private func hostile(_ name: String, _ bytes: [UInt8], _ kinds: [InputError.Kind]) -> HostileCase {
  HostileCase(name, kinds, make: { try write(bytes, $0, "x.safetensors") }, open: openAll)
}

/// A header, and that many bytes of data.
private func header(_ text: String, _ kinds: InputError.Kind..., data: Int = 0) -> HostileCase {
  hostile(
    "\(text.prefix(100)), \(text.utf8.count) bytes",
    safetensors(Array(text.utf8), data: [UInt8](repeating: 7, count: data)), kinds)
}

/// One tensor `w` with these fields, and 16 bytes of data.
private func tensor(_ fields: String, _ kind: InputError.Kind, data: Int = 16) -> HostileCase {
  header(#"{"w":{\#(fields)}}"#, kind, data: data)
}

private func shape(_ shape: String, _ kind: InputError.Kind) -> HostileCase {
  tensor(#""dtype":"F32","shape":\#(shape),"data_offsets":[0,16]"#, kind)
}

private func dtype(_ dtype: String, _ kind: InputError.Kind) -> HostileCase {
  tensor(#""dtype":\#(dtype),"shape":[4],"data_offsets":[0,16]"#, kind)
}

private func offsets(_ offsets: String, _ kind: InputError.Kind, data: Int = 16) -> HostileCase {
  tensor(#""dtype":"F32","shape":[2,2],"data_offsets":\#(offsets)"#, kind, data: data)
}

/// Several F32 vectors with these offsets.
private func layout(_ ranges: [Range<Int>], data: Int, _ kind: InputError.Kind) -> HostileCase {
  let tensors = ranges.enumerated().map { index, range in
    #""t\#(index)":{"dtype":"F32","shape":[\#(range.count / 4)],"data_offsets":[\#(range.lowerBound),\#(range.upperBound)]}"#
  }
  return header("{\(tensors.joined(separator: ","))}", kind, data: data)
}

private let whole = safetensors(
  Array(#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#.utf8), data: [1, 2, 3, 4, 5, 6, 7, 8])
private let empty = safetensors(Array("{}".utf8))

let safetensorsFamilies: [HostileFamily] = [
  HostileFamily(
    "S1", 9,
    [
      raw("0 bytes", [], .truncated), raw("1 byte", [2], .truncated),
      raw("7 bytes", Array(empty.prefix(7)), .truncated),
      raw("8 bytes, N = 1", safetensors([], declaring: 1), .truncated),
      raw("8 bytes, N = 60", safetensors([], declaring: 60), .truncated),
      raw("N = length - 7", safetensors(Array("{}".utf8), declaring: 3), .truncated),
      raw("data short by 1", whole.dropLast(1), .truncated), raw("data short by 2", whole.dropLast(2), .truncated),
      raw("no data", whole.dropLast(8), .truncated),
      raw(
        "length spelled {", Array(safetensors(Array(("{}" + String(repeating: " ", count: 121)).utf8)).prefix(8)),
        .truncated),
    ]),
  HostileFamily(
    "S2", 8,
    ([100_000_001, 1 << 31, 1 << 32, .max >> 1, 1 << 63, .max - 7, .max] as [UInt64]).map {
      raw("N = \($0)", safetensors(Array("{}".utf8), declaring: $0), .tooLarge)
    } + [
      raw(
        "Git LFS pointer",
        Array("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n".utf8), .tooLarge,
        .badMagic)
    ]),
  HostileFamily(
    "S3", 4,
    [
      raw("header FF", safetensors([0xFF]), .badUTF8), raw("header C0 80", safetensors([0xC0, 0x80]), .badUTF8),
      raw("header ED A0 80", safetensors([0xED, 0xA0, 0x80]), .badUTF8),
      raw("character cut at N", safetensors(Array("{\"é\":1}".utf8), declaring: 3), .badUTF8),
    ]),
  HostileFamily(
    "S4", 12,
    [
      header("", .badJSON), header("{", .badJSON), header("{}{}", .badJSON), header("{}x", .badJSON),
      header("{,}", .badJSON), header(#"{"a":}"#, .badJSON), header(String(repeating: "[", count: 100_000), .badJSON),
      header("{}\0\0", .badJSON), header("\u{FEFF}{}", .badJSON), header("[]", .wrongType), header("null", .wrongType),
      header("1", .wrongType), header("\"x\"", .wrongType), header("[} ", .badJSON),
      // A damaged header whose length is spelled `{` or like a pickle is still that of a safetensors file.
      header("{" + String(repeating: " ", count: 122), .badJSON),
      header("{" + String(repeating: " ", count: 639), .badJSON),
    ]),
  HostileFamily(
    "S5", 7,
    [header(" {}"), header("\t{}"), header("\n{}"), header("{} "), header("{}\t"), header("{}\n"), header("{}")]),
  HostileFamily(
    "S6", 4,
    [
      header(
        #"{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        .duplicate, data: 4),
      header(
        #"{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\u0077":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}"#,
        .duplicate, data: 4),
      header(#"{"__metadata__":{},"__metadata__":{}}"#, .duplicate),
      header(#"{"__metadata__":{"a":"1","a":"2"}}"#, .duplicate),
      tensor(#""dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]"#, .duplicate),
    ]),
  HostileFamily(
    "S7", 5,
    [
      header(
        "{\"\u{E9}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"e\u{301}\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[1,2]}}",
        data: 2)
    ]
      + ["a/b", "../../x", "a\\u0000b", String(repeating: "n", count: 1 << 16)].map {
        header(#"{"\#($0)":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#, data: 1)
      }),
  HostileFamily(
    "S8", 7,
    [
      dtype(#""F33""#, .unknownDType), dtype(#""f32""#, .unknownDType), dtype(#""""#, .unknownDType),
      dtype("7", .wrongType), dtype("null", .wrongType), tensor(#""shape":[4],"data_offsets":[0,16]"#, .missing),
      tensor(#""dtype":"F4","shape":[3],"data_offsets":[0,2]"#, .sizeMismatch, data: 2),
      header(#"{"w":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}"#, data: 2),
      header(#"{"w":{"dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]}}"#, data: 3),
      header(#"{"w":{"dtype":"F6_E3M2","shape":[4],"data_offsets":[0,3]}}"#, data: 3),
    ]),
  HostileFamily(
    "S9", 10,
    [
      tensor(#""dtype":"F32","data_offsets":[0,16]"#, .missing), shape("null", .wrongType), shape(#""2""#, .wrongType),
      shape("[-1]", .wrongType), shape("[1.5]", .wrongType), shape("[4.0]", .wrongType), shape("[[2]]", .wrongType),
      shape("[true]", .wrongType), shape("[18446744073709551616]", .overflow), shape("[1e400]", .overflow),
      shape("[" + Array(repeating: "1", count: 300).joined(separator: ",") + "]", .tooLarge),
    ]),
  HostileFamily(
    "S10", 5,
    [
      shape("[2,18446744073709551614]", .overflow), shape("[2,9223372036854775807]", .overflow),
      shape("[4294967296,4294967296]", .overflow), shape("[2147483648,2147483648,4]", .overflow),
      shape("[4611686018427387904,4,0]", .overflow), shape("[0,4611686018427387904,4]", .overflow),
      tensor(#""dtype":"U8","shape":[9223372036854775807,0,2],"data_offsets":[0,0]"#, .overflow, data: 0),
    ]),
  HostileFamily(
    "S11", 9,
    [
      tensor(#""dtype":"F32","shape":[4]"#, .missing), offsets("[]", .wrongType), offsets("[0]", .wrongType),
      offsets("[0,4,8]", .wrongType), offsets(#"["0",4]"#, .wrongType), offsets("[0.5,4]", .wrongType),
      offsets("16", .wrongType), offsets("[4,0]", .badOffset), offsets("[-4,0]", .badOffset),
      offsets("[0,17]", .badOffset), offsets("[18446744073709551612,18446744073709551616]", .badOffset),
      offsets("[0,9223372036854775807]", .badOffset),
      offsets("[-9223372036854775808,9223372036854775807]", .badOffset),
    ]),
  HostileFamily(
    "S12", 5,
    [
      offsets("[0,4]", .sizeMismatch), offsets("[0,15]", .sizeMismatch), offsets("[0,17]", .sizeMismatch, data: 17),
      tensor(#""dtype":"F32","shape":[],"data_offsets":[0,0]"#, .sizeMismatch),
      tensor(#""dtype":"F16","shape":[3],"data_offsets":[0,8]"#, .sizeMismatch),
    ]),
  HostileFamily(
    "S13", 9,
    [
      layout(Array(repeating: 0..<16, count: 10), data: 16, .badOffset),
      layout([0..<16, 8..<24], data: 24, .badOffset),
      layout([8..<16], data: 16, .badOffset), layout([0..<8, 9..<17], data: 17, .badOffset),
      layout([0..<8, 16..<24], data: 24, .badOffset), raw("1 byte after the end", whole + [0], .trailing),
      raw("ZIP after the end", whole + [0x50, 0x4B, 3, 4], .trailing),
      raw("HTML after the end", whole + Array("<html>".utf8), .trailing),
      raw("PNG after the end", whole + [0x89, 0x50, 0x4E, 0x47], .trailing),
      raw("{} and a byte", empty + [0], .trailing),
    ]),
  HostileFamily(
    "S14", 5,
    [
      header(#"{"w":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]}}"#),
      header(
        #"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"e":{"dtype":"F32","shape":[0],"data_offsets":[4,4]}}"#,
        data: 4),
      header(#"{"w":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}"#, data: 4),
      raw(
        "NaN",
        safetensors(Array(#"{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.utf8), data: [0, 0, 0xC0, 0x7F])),
      tensor(#""dtype":"F32","shape":[2,0],"data_offsets":[5,5]"#, .badOffset, data: 0),
      tensor(#""dtype":"F32","shape":[2,0],"data_offsets":[4,4]"#, .badOffset, data: 4),
    ]),
  HostileFamily(
    "S15", 6,
    [
      header(#"{"__metadata__":1}"#, .wrongType), header(#"{"__metadata__":[]}"#, .wrongType),
      header(#"{"__metadata__":null}"#, .wrongType), header(#"{"__metadata__":{"a":1}}"#, .wrongType),
      header(#"{"__metadata__":{"a":{}}}"#, .wrongType), header(#"{"w":1}"#, .wrongType),
      header(#"{"w":{}}"#, .missing),
      tensor(#""dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1"#, .badValue),
    ]),
  HostileFamily(
    "S16", 2,
    [
      // The header's own size and number of entries are what the second case of the full list is about; a header of
      // 100 MB takes a debug build longer than a second, so this one is all white space but for its end.
      HostileCase("sparse header of 99 MB", .badJSON) { folder in
        try writeSparse(eight(99_000_000), size: 99_000_008, folder, "x")
      } open: {
        try openAll($0)
      },
      HostileCase("sparse file of 1 TiB", .budget) { folder in
        let text = #"{"w":{"dtype":"U8","shape":[\#(1 << 40)],"data_offsets":[0,\#(1 << 40)]}}"#
        let start = safetensors(Array(text.utf8))
        return try writeSparse(start, size: start.count + 1 << 40, folder, "x")
      } open: {
        try openAll($0)
      },
    ]),
  HostileFamily(
    "S17", 6,
    irregular.map { name, make in
      HostileCase(name, .io) { folder in
        try make(folder + "/x")
        return folder + "/x"
      } open: {
        try openAll($0)
      }
    } + [
      HostileCase("/dev/zero", .io) { _ in
        "/dev/zero"
      } open: {
        try openAll($0)
      },
      HostileCase("no permission", .io, .notFound) { folder in
        // Who may read everything finds a loop of links instead.
        let path = try write(whole, folder, "x")
        if geteuid() != 0 { chmod(path, 0) } else { unlink(path); symlink(path, path) }
        return path
      } open: {
        try openAll($0)
      },
      HostileCase("shrinks while it is read", .truncated) {
        try write(whole, $0, "x")
      } open: { path in
        let file = try SafetensorsFile(opening: path)
        truncate(path, off_t(whole.count - 3))
        for entry in file.entries { _ = try file.bytes(of: entry) }
      },
    ]),
  HostileFamily(
    "other formats", 6,
    [
      raw("ZIP", [0x50, 0x4B, 3, 4, 0, 0, 8, 8, 0, 0], .unsupported),
      raw("short ZIP", [0x50, 0x4B, 3, 4], .unsupported),
      raw("pickle, protocol 2", [0x80, 2, 0x7D, 0x71, 0, 0x28, 0x58, 1, 0, 0, 0], .unsupported),
      raw("pickle, protocol 4", [0x80, 4, 0x95, 0x1F, 0, 0, 0, 0, 0, 0, 0], .unsupported),
      raw("HTML", Array("<!DOCTYPE html><html>".utf8), .badMagic),
      raw("GGUF", Array("GGUF\u{3}\0\0\0\0\0\0\0".utf8), .badMagic),
      raw("JSON", Array(#"{"weight_map":{}}"#.utf8), .badMagic),
    ]),
]

// MARK: - The index of several files

private let first = "model-00001-of-00002.safetensors"
private let second = "model-00002-of-00002.safetensors"
private let index = "model.safetensors.index.json"

private func shard(_ names: [String], dtype: String = "U8", bytes: Int = 4) -> [UInt8] {
  let tensors = names.enumerated().map { place, name in
    #""\#(name)":{"dtype":"\#(dtype)","shape":[\#(dtype == "U8" ? bytes : bytes / 4)],"data_offsets":[\#(place * bytes),\#((place + 1) * bytes)]}"#
  }
  return safetensors(
    Array("{\(tensors.joined(separator: ","))}".utf8), data: [UInt8](repeating: 1, count: names.count * bytes))
}

/// A right folder of two files, which `spoil` changes.
private func sharded(
  _ name: String, _ kinds: [InputError.Kind], allowingLinks: Bool = true, _ spoil: @escaping Spoil
) -> HostileCase {
  HostileCase(name, kinds) { folder in
    _ = try write(shard(["a", "b"]), folder, first)
    _ = try write(shard(["c"]), folder, second)
    _ = try write(
      Array(#"{"metadata":{"total_size":12},"weight_map":{"a":"\#(first)","b":"\#(first)","c":"\#(second)"}}"#.utf8),
      folder,
      index)
    try spoil(folder)
    return folder
  } open: { path in
    let checkpoint = try SafetensorsCheckpoint(at: path, allowingLinks: allowingLinks)
    if let warning = checkpoint.warnings.first { throw warning }
    for tensor in checkpoint.tensors { _ = try tensor.bytes(0..<tensor.byteCount) }
  }
}

private func indexText(_ text: String, _ kinds: InputError.Kind...) -> HostileCase {
  sharded(String(text.prefix(80)), kinds) { _ = try write(Array(text.utf8), $0, index) }
}

private func mapped(_ shard: String, _ kinds: InputError.Kind...) -> HostileCase {
  sharded("c in \(shard.debugDescription)", kinds) {
    let map: JSONValue = [
      "weight_map": ["a": .string(JSONString(first)), "b": .string(JSONString(first)), "c": .string(JSONString(shard))]
    ]
    _ = try write(try map.encoded(), $0, index)
  }
}

/// What stands in the place of the second file.
private func replaced(
  _ name: String, _ kinds: InputError.Kind..., allowingLinks: Bool = true, _ make: @escaping Spoil
) -> HostileCase {
  sharded(name, kinds, allowingLinks: allowingLinks) {
    unlink("\($0)/\(second)")
    try make("\($0)/\(second)")
  }
}

let indexFamilies: [HostileFamily] = [
  HostileFamily(
    "I1", 13,
    [
      "../x.safetensors", "/etc/passwd", "a/../../x", #"..\x"#, "./x", #"C:\x"#, "file:///x", "~/x", "%2e%2e/x", "",
      ".",
      "a\0", "a\nb",
    ].map { mapped($0, .pathEscape) }),
  HostileFamily(
    "I2", 4,
    [
      sharded("a link out of the folder", [.pathEscape], allowingLinks: false) {
        unlink("\($0)/\(second)")
        symlink("/etc/hostname", "\($0)/\(second)")
      },
      replaced("a link to itself", .io) { symlink($0, $0) }, replaced("a folder", .io) { mkdir($0, 0o700) },
      replaced("a pipe", .io) { mkfifo($0, 0o600) },
    ]),
  HostileFamily(
    "I3", 4,
    [
      replaced("no file", .notFound) { _ in },
      replaced("0 bytes", .truncated) { try Data().write(to: URL(fileURLWithPath: $0)) },
      indexText(#"{"weight_map":{"a":"\#(index)"}}"#, .badMagic),
      mapped("Model-00002-of-00002.safetensors", .notFound, .inconsistent),
    ]),
  HostileFamily(
    "I4", 8,
    [
      indexText("{}", .missing), indexText(#"{"weight_map":[]}"#, .wrongType),
      indexText(#"{"weight_map":null}"#, .wrongType),
      indexText(#"{"weight_map":"x"}"#, .wrongType), indexText(#"{"weight_map":{"a":1}}"#, .wrongType),
      indexText(#"{"weight_map":{"a":null}}"#, .wrongType), indexText(#"{"weight_map":{"a":[]}}"#, .wrongType),
      indexText(#"{"weight_map":{"a":{}}}"#, .wrongType),
    ]),
  HostileFamily(
    "I5", 5,
    [
      indexText(#"{"weight_map":{"a":"\#(first)","a":"\#(second)"}}"#, .duplicate),
      sharded("a tensor in both files", [.inconsistent]) { _ = try write(shard(["c", "a"]), $0, second) },
      mapped(first, .inconsistent),
      sharded("a tensor that is not listed", [.inconsistent]) { _ = try write(shard(["c", "d"]), $0, second) },
      indexText(
        #"{"weight_map":{"a":"\#(first)","b":"\#(first)","c":"\#(second)","d":"\#(second)"}}"#, .inconsistent),
    ]),
  HostileFamily(
    "I6", 4,
    ["-1", "9223372036854775808", "\"1\"", "11"].map { size in
      indexText(
        #"{"metadata":{"total_size":\#(size)},"weight_map":{"a":"\#(first)","b":"\#(first)","c":"\#(second)"}}"#,
        .wrongType, .inconsistent)
    }),
  HostileFamily(
    "I7", 8,
    [
      // A million entries take a debug build more than a second: as many as make the file larger than is read.
      sharded("an index of 65 MB of entries", [.tooLarge]) { folder in
        _ = try writeSparse(Array(#"{"weight_map":{"a":"x""#.utf8), size: 65 << 20, folder, index)
      },
      sharded("10,000 files", [.tooLarge]) { folder in
        let entries = (0..<10_000).map { #""t\#($0)":"s\#($0).safetensors""# }
        _ = try write(Array(#"{"weight_map":{\#(entries.joined(separator: ","))}}"#.utf8), folder, index)
      },
      sharded("200 MB", [.tooLarge]) { _ = try writeSparse([], size: 200 << 20, $0, index) },
      indexText(#"{"x":"# + String(repeating: "[", count: 100_000), .badJSON),
      sharded("no UTF-8", [.badUTF8]) { _ = try write(Array(#"{"weight_map":{""#.utf8) + [0xFF], $0, index) },
      indexText(#"{"weight_map":{}} x"#, .badJSON), indexText("", .badJSON), indexText("[]", .wrongType),
    ]),
  HostileFamily(
    "I8", 4,
    [
      sharded("a pickle's index", [.unsupported]) {
        unlink("\($0)/\(index)")
        _ = try write(Array("{}".utf8), $0, "pytorch_model.bin.index.json")
      },
      mapped("pytorch_model-00001-of-00002.bin", .unsupported),
      sharded("a file that is ZIP", [.unsupported]) {
        _ = try write([0x50, 0x4B, 3, 4, 0, 0, 8, 8, 0, 0], $0, second)
      },
      sharded("a file that is pickle", [.unsupported]) {
        _ = try write([0x80, 2, 0x7D, 0x71, 0, 1, 2, 3, 4], $0, second)
      },
    ]),
  HostileFamily(
    "I9", 2,
    [
      sharded("one name with two types", [.inconsistent]) {
        _ = try write(shard(["c", "a"], dtype: "F32"), $0, second)
      },
      sharded("one name with two shapes", [.inconsistent]) { _ = try write(shard(["c", "a"], bytes: 8), $0, second) },
    ]),
]
