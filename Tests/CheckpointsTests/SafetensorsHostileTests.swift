import Checkpoints
import Formats
import Foundation
import Testing

/// One file that must be refused, and why.
struct HostileCase: Sendable, CustomTestStringConvertible {
  var name: String
  var bytes: [UInt8]
  var kind: InputError.Kind

  var testDescription: String { name }

  static func raw(_ name: String, _ bytes: [UInt8], _ kind: InputError.Kind) -> HostileCase {
    HostileCase(name: name, bytes: bytes, kind: kind)
  }

  /// A header, and that many bytes of data.
  static func header(_ text: String, _ kind: InputError.Kind, data: Int = 0) -> HostileCase {
    HostileCase(name: String(text.prefix(100)), bytes: safetensors(text, data: data), kind: kind)
  }

  /// One tensor `w` with these fields, and 16 bytes of data.
  static func tensor(_ fields: String, _ kind: InputError.Kind, data: Int = 16) -> HostileCase {
    header(#"{"w":{\#(fields)}}"#, kind, data: data)
  }

  static func shape(_ shape: String, _ kind: InputError.Kind) -> HostileCase {
    tensor(#""dtype":"F32","shape":\#(shape),"data_offsets":[0,16]"#, kind)
  }

  static func dtype(_ dtype: String, _ kind: InputError.Kind) -> HostileCase {
    tensor(#""dtype":\#(dtype),"shape":[4],"data_offsets":[0,16]"#, kind)
  }

  static func offsets(_ offsets: String, _ kind: InputError.Kind, data: Int = 16) -> HostileCase {
    tensor(#""dtype":"F32","shape":[2,2],"data_offsets":\#(offsets)"#, kind, data: data)
  }

  /// Several F32 vectors with these offsets.
  static func layout(_ ranges: [Range<Int>], data: Int, _ kind: InputError.Kind) -> HostileCase {
    let tensors = ranges.enumerated().map { index, range in
      #""t\#(index)":{"dtype":"F32","shape":[\#(range.count / 4)],"data_offsets":[\#(range.lowerBound),\#(range.upperBound)]}"#
    }
    return header("{\(tensors.joined(separator: ","))}", kind, data: data)
  }
}

/// The families S1 to S15 of the reliability plan.
let hostileCases: [HostileCase] = {
  let whole = safetensors(#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, data: 8)
  let empty = safetensors("{}")
  let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935\nsize 12345\n"
  var cases: [HostileCase] = [
    // S1
    .raw("0 bytes", [], .truncated), .raw("1 byte", [2], .truncated),
    .raw("7 bytes", Array(empty.prefix(7)), .truncated),
    .raw("8 bytes, N = 1", safetensors([], declaring: 1), .truncated),
    .raw("8 bytes, N = 60", safetensors([], declaring: 60), .truncated),
    .raw("N = length - 7", safetensors(Array("{}".utf8), declaring: 3), .truncated),
    .raw("data short by 1", whole.dropLast(1), .truncated), .raw("data short by 2", whole.dropLast(2), .truncated),
    .raw("no data", whole.dropLast(8), .truncated),
    // S3
    .raw("header FF", safetensors([0xFF]), .badUTF8), .raw("header C0 80", safetensors([0xC0, 0x80]), .badUTF8),
    .raw("header ED A0 80", safetensors([0xED, 0xA0, 0x80]), .badUTF8),
    .raw("character cut at N", safetensors(Array("{\"é\":1}".utf8), declaring: 3), .badUTF8),
    // S4
    .header("", .badJSON), .header("{", .badJSON), .header("{}{}", .badJSON), .header("{}x", .badJSON),
    .header("{,}", .badJSON), .header(#"{"a":}"#, .badJSON), .header(String(repeating: "[", count: 100_000), .badJSON),
    .header("{}\0\0", .badJSON), .header("\u{FEFF}{}", .badJSON), .header("[]", .wrongType),
    .header("null", .wrongType),
    .header("1", .wrongType), .header("\"x\"", .wrongType), .header("[} ", .badJSON),
    // S6
    .header(
      #"{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
      .duplicate, data: 4),
    .header(
      #"{"w":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},"\u0077":{"dtype":"U8","shape":[0],"data_offsets":[4,4]}}"#,
      .duplicate, data: 4),
    .header(#"{"__metadata__":{},"__metadata__":{}}"#, .duplicate),
    .header(#"{"__metadata__":{"a":"1","a":"2"}}"#, .duplicate),
    .tensor(#""dtype":"F32","dtype":"F32","shape":[4],"data_offsets":[0,16]"#, .duplicate),
    // S8
    .dtype(#""F33""#, .unknownDType), .dtype(#""f32""#, .unknownDType), .dtype(#""""#, .unknownDType),
    .dtype("7", .wrongType), .dtype("null", .wrongType), .tensor(#""shape":[4],"data_offsets":[0,16]"#, .missing),
    .tensor(#""dtype":"F4","shape":[3],"data_offsets":[0,2]"#, .unsupported, data: 2),
    .tensor(#""dtype":"F4","shape":[4],"data_offsets":[0,2]"#, .unsupported, data: 2),
    .tensor(#""dtype":"F6_E2M3","shape":[4],"data_offsets":[0,3]"#, .unsupported, data: 3),
    .tensor(#""dtype":"F6_E3M2","shape":[4],"data_offsets":[0,3]"#, .unsupported, data: 3),
    // S9
    .tensor(#""dtype":"F32","data_offsets":[0,16]"#, .missing), .shape("null", .wrongType), .shape(#""2""#, .wrongType),
    .shape("[-1]", .wrongType), .shape("[1.5]", .wrongType), .shape("[4.0]", .wrongType), .shape("[[2]]", .wrongType),
    .shape("[true]", .wrongType), .shape("[18446744073709551616]", .overflow), .shape("[1e400]", .overflow),
    .shape("[" + Array(repeating: "1", count: 300).joined(separator: ",") + "]", .tooLarge),
    // S10
    .shape("[2,18446744073709551614]", .overflow), .shape("[2,9223372036854775807]", .overflow),
    .shape("[4294967296,4294967296]", .overflow), .shape("[2147483648,2147483648,4]", .overflow),
    .shape("[4611686018427387904,4,0]", .overflow), .shape("[0,4611686018427387904,4]", .overflow),
    .tensor(#""dtype":"U8","shape":[9223372036854775807,0,2],"data_offsets":[0,0]"#, .overflow, data: 0),
    // S11
    .tensor(#""dtype":"F32","shape":[4]"#, .missing), .offsets("[]", .wrongType), .offsets("[0]", .wrongType),
    .offsets("[0,4,8]", .wrongType), .offsets(#"["0",4]"#, .wrongType), .offsets("[0.5,4]", .wrongType),
    .offsets("16", .wrongType), .offsets("[4,0]", .badOffset), .offsets("[-4,0]", .badOffset),
    .offsets("[0,17]", .badOffset), .offsets("[18446744073709551612,18446744073709551616]", .badOffset),
    .offsets("[0,9223372036854775807]", .badOffset), .offsets("[-9223372036854775808,9223372036854775807]", .badOffset),
    // S12
    .offsets("[0,4]", .sizeMismatch), .offsets("[0,15]", .sizeMismatch), .offsets("[0,17]", .sizeMismatch, data: 17),
    .tensor(#""dtype":"F32","shape":[],"data_offsets":[0,0]"#, .sizeMismatch),
    .tensor(#""dtype":"F16","shape":[3],"data_offsets":[0,8]"#, .sizeMismatch),
    // S13
    .layout(Array(repeating: 0..<16, count: 10), data: 16, .badOffset),
    .layout([0..<16, 8..<24], data: 24, .badOffset),
    .layout([8..<16], data: 16, .badOffset), .layout([0..<8, 9..<17], data: 17, .badOffset),
    .layout([0..<8, 16..<24], data: 24, .badOffset),
    .raw("1 byte after the end", whole + [0], .trailing),
    .raw("ZIP after the end", whole + [0x50, 0x4B, 3, 4], .trailing),
    .raw("HTML after the end", whole + Array("<html>".utf8), .trailing),
    .raw("PNG after the end", whole + [0x89, 0x50, 0x4E, 0x47], .trailing),
    .raw("{} and a byte", empty + [0], .trailing),
    // S14
    .tensor(#""dtype":"F32","shape":[2,0],"data_offsets":[5,5]"#, .badOffset, data: 0),
    .tensor(#""dtype":"F32","shape":[2,0],"data_offsets":[4,4]"#, .badOffset, data: 4),
    // S15
    .header(#"{"__metadata__":1}"#, .wrongType), .header(#"{"__metadata__":[]}"#, .wrongType),
    .header(#"{"__metadata__":null}"#, .wrongType), .header(#"{"__metadata__":{"a":1}}"#, .wrongType),
    .header(#"{"__metadata__":{"a":{}}}"#, .wrongType), .header(#"{"w":1}"#, .wrongType),
    .header(#"{"w":{}}"#, .missing),
    .tensor(#""dtype":"F32","shape":[4],"data_offsets":[0,16],"x":1"#, .badValue),
    // Other kinds of files
    .raw("ZIP", [0x50, 0x4B, 3, 4, 0, 0, 8, 8, 0, 0], .unsupported),
    .raw("short ZIP", [0x50, 0x4B, 3, 4], .unsupported),
    .raw("pickle, protocol 2", [0x80, 2, 0x7D, 0x71, 0, 0x28, 0x58, 1, 0, 0, 0], .unsupported),
    .raw("pickle, protocol 4", [0x80, 4, 0x95, 0x1F, 0, 0, 0, 0, 0, 0, 0], .unsupported),
    .raw("Git LFS pointer", Array(lfs.utf8), .badMagic), .raw("HTML", Array("<!DOCTYPE html><html>".utf8), .badMagic),
    .raw("GGUF", Array("GGUF\u{3}\0\0\0\0\0\0\0".utf8), .badMagic),
    // A damaged header whose length is spelled `{` or like a pickle is still that of a safetensors file.
    .header("{" + String(repeating: " ", count: 122), .badJSON),
    .header("{" + String(repeating: " ", count: 639), .badJSON),
    .raw("length spelled {", Array(safetensors("{}" + String(repeating: " ", count: 121)).prefix(8)), .truncated),
    .raw("JSON", Array(#"{"weight_map":{}}"#.utf8), .badMagic),
  ]
  // S2
  for count in [100_000_001, 1 << 31, 1 << 32, .max >> 1, 1 << 63, .max - 7, .max] as [UInt64] {
    cases.append(.raw("N = \(count)", safetensors(Array("{}".utf8), declaring: count), .tooLarge))
  }
  return cases
}()

@Suite struct SafetensorsHostileInput {
  @Test(arguments: hostileCases)
  func `hostile files are refused by their fault`(hostile: HostileCase) throws {
    #expect(try openingKind(hostile.bytes) == hostile.kind)
  }

  private static let sample: [UInt8] = safetensors(
    #"{"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"#
      + #""b":{"dtype":"BF16","shape":[],"data_offsets":[24,26]},"c":{"dtype":"I64","shape":[0,4],"data_offsets":[26,26]}} "#,
    data: 26)

  @Test func `every prefix of a file is refused, and so is every extension`() throws {
    for count in 0..<Self.sample.count {
      #expect(try openingKind(Array(Self.sample[..<count])) != nil, "\(count) bytes")
    }
    #expect(try openingKind(Self.sample) == nil)
    #expect(try openingKind(Self.sample + [0]) == .trailing)
  }

  /// Opens the bytes; what opens must keep every promise of the reader.
  private func check(_ bytes: [UInt8], at path: String, _ what: @autoclosure () -> String) throws -> Bool {
    try Data(bytes).write(to: URL(fileURLWithPath: path))
    let file: SafetensorsFile
    do { file = try SafetensorsFile(opening: path) } catch { return false }
    var end = 0
    for entry in file.entries {
      #expect(entry.byteRange.lowerBound == end, "\(what())")
      #expect(entry.elementCount == entry.shape.reduce(1, *), "\(what())")
      #expect(file.entry(named: entry.name) == entry, "\(what())")
      #expect(try file.bytes(of: entry).count == entry.byteRange.count, "\(what())")
      end = entry.byteRange.upperBound
    }
    #expect(end == file.dataByteCount, "\(what())")
    return true
  }

  @Test func `no flipped bit of the header breaks a promise`() throws {
    try withFolder { (folder) throws in
      let header = Self.sample.count - 26
      var opened = 0
      for bit in 0..<header * 8 {
        var bytes = Self.sample
        bytes[bit / 8] ^= 1 << UInt8(bit % 8)
        opened += try check(bytes, at: folder + "/x", "bit \(bit)") ? 1 : 0
      }
      // A name or the metadata may change; lengths, types and brackets may not.
      #expect(opened > 0 && opened < header * 4, "\(opened) opened")
    }
  }

  @Test func `no mutation breaks a promise`() throws {
    try withFolder { (folder) throws in
      let alphabet = Array("{}[]\",:0123456789-.eEF3264UIB x\\u".utf8) + [0, 0x80, 0xFF]
      var opened = 0
      for seed in 0..<20_000 {
        var generator = SeededGenerator(seed)
        var bytes = Self.sample
        if seed % 2 == 0 {
          bytes.mutate(&generator, alphabet: alphabet)
        } else {
          // Only the header, with a length that fits: the faults that a checked length would hide.
          var header = Array(Self.sample[8..<Self.sample.count - 26])
          header.mutate(&generator, alphabet: alphabet)
          bytes = safetensors(header, data: Array(Self.sample.suffix(26)))
        }
        opened += try check(bytes, at: folder + "/x", "seed \(seed)") ? 1 : 0
      }
      #expect(opened > 100 && opened < 10_000, "\(opened) opened")
    }
  }

  @Test func `every number of the header is swept`() throws {
    let numbers = [
      "0", "1", "-1", "2147483647", "2147483648", "4294967295", "9007199254740993", "9223372036854775807",
      "9223372036854775808", "18446744073709551615", "23", "25",
    ]
    for number in numbers {
      for template in ["[N,3],[0,24]", "[2,N],[0,24]", "[2,3],[N,24]", "[2,3],[0,N]"] {
        let parts = template.replacingOccurrences(of: "N", with: number).components(separatedBy: "],[")
        let header = #"{"a":{"dtype":"F32","shape":\#(parts[0])],"data_offsets":[\#(parts[1])}}"#
        let isSame = number == "0" && template == "[2,3],[N,24]"
        #expect(try (openingKind(safetensors(header, data: 24)) == nil) == isSame, "\(header)")
      }
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `a header of more entries than are read is refused`() throws {
    let count = 1 << 19 + 1
    let pairs = (0..<count).map { "\"\($0)\":\"\"" }.joined(separator: ",")
    #expect(try openingKind(safetensors(#"{"__metadata__":{\#(pairs)}}"#)) == .tooLarge)
  }

  @Test func `a big sparse file opens, and its budget is kept`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/x"
      let count = 1 << 40
      let start = safetensors(#"{"w":{"dtype":"U8","shape":[\#(count)],"data_offsets":[0,\#(count)]}}"#)
      try Data(start).write(to: URL(fileURLWithPath: path))
      // Some file systems hold no such file: then nothing is shown here.
      guard truncate(path, off_t(start.count + count)) == 0 else { return }
      let file = try SafetensorsFile(opening: path)
      let entry = try #require(file.entry(named: "w"))
      #expect(errorKind { () throws(InputError) in try file.bytes(of: entry, budget: 1 << 20) } == .budget)
      var byte: [UInt8] = [1]
      try byte.withUnsafeMutableBytes { try file.read(entry, part: count - 1..<count, into: $0) }
      #expect(byte == [0])
    }
  }

  @Test func `a file that shrinks after opening is truncated`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/x"
      try Data(Self.sample).write(to: URL(fileURLWithPath: path))
      let file = try SafetensorsFile(opening: path)
      truncate(path, off_t(Self.sample.count - 10))
      let entry = try #require(file.entry(named: "a.weight"))
      #expect(errorKind { () throws(InputError) in try file.bytes(of: entry) } == .truncated)
    }
  }

  @Test func `what is no regular file is refused`() throws {
    try withFolder { (folder) throws in
      mkfifo(folder + "/pipe", 0o600)
      symlink("loop", folder + "/loop")
      for path in [folder, folder + "/pipe", "/dev/zero", folder + "/loop"] {
        #expect(errorKind { () throws(InputError) in try SafetensorsFile(opening: path) } == .io, "\(path)")
      }
      #expect(errorKind { () throws(InputError) in try SafetensorsFile(opening: folder + "/none") } == .notFound)
    }
  }

  @Test func `an error names the file, the tensor and the field`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/x"
      try Data(safetensors(#"{"a.b":{"dtype":"F33"}}"#)).write(to: URL(fileURLWithPath: path))
      let error = try #require(throws: InputError.self) { try SafetensorsFile(opening: path) }
      #expect(error.place == #"\#(path): header: "a.b": "dtype""#)
    }
  }
}
