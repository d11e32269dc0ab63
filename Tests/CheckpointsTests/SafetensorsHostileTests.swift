import Checkpoints
import Formats
import Foundation
import TestSupport
import Testing

@Suite struct SafetensorsHostileInput {
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
      #expect(error.place == #"\#(path): header: "a.b".dtype"#)
    }
  }
}
