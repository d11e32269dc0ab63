import Checkpoints
import Formats
import Foundation
import Testing

@Suite struct SafetensorsReading {
  /// Opens a file of these bytes.
  private func open<R>(_ bytes: [UInt8], _ body: (SafetensorsFile) throws -> R) throws -> R {
    try withFolder { (folder) throws in
      let path = folder + "/x.safetensors"
      try Data(bytes).write(to: URL(fileURLWithPath: path))
      return try body(try SafetensorsFile(opening: path))
    }
  }

  private func bytes(_ name: String, _ file: SafetensorsFile) throws -> [UInt8] {
    try file.bytes(of: try #require(file.entry(named: name)))
  }

  @Test(arguments: ["{}", " {}", "{}   ", "\t{}", "{}\t", "\n{}", "{}\r\n", "{ }"])
  func `white space around an empty header is legal`(header: String) throws {
    try open(safetensors(header)) { #expect($0.entries.isEmpty && $0.dataByteCount == 0) }
  }

  @Test func `tensors may stand in any order, be empty or scalar`() throws {
    let header =
      #"{"z":{"dtype":"I32","shape":[],"data_offsets":[8,12]},"e2":{"dtype":"F32","shape":[2,0],"data_offsets":[8,8]},"#
      + #""e1":{"data_offsets":[8,8],"shape":[0],"dtype":"U8"},"a":{"dtype":"F16","shape":[4],"data_offsets":[0,8]},"#
      + #""end":{"dtype":"F64","shape":[0,9],"data_offsets":[12,12]},"__metadata__":{"k":"v","é":""}}"#
    try open(safetensors(header, data: 12)) { (file) throws in
      #expect(file.entries.map(\.name) == ["a", "e2", "e1", "z", "end"])
      #expect(file.entries.map(\.elementCount) == [4, 0, 0, 1, 0])
      #expect(file.metadata.map(\.key) == ["k", "é"] && file.metadata.map(\.value) == ["v", ""])
      #expect(try bytes("a", file) == [0, 1, 2, 3, 4, 5, 6, 7])
      #expect(try bytes("z", file) == [8, 9, 10, 11])
      #expect(try bytes("e2", file) == [])
      #expect(file.entry(named: "b") == nil)
    }
  }

  @Test func `names are bytes and never paths`() throws {
    let names: [JSONString] = [
      "\u{e9}", "e\u{301}", "../x", "a/b", "nul\0", "", JSONString(String(repeating: "n", count: 1 << 16)),
    ]
    let members = names.enumerated().map { index, name in
      JSONMember(name, ["dtype": "U8", "shape": [1], "data_offsets": [.integer(index), .integer(index + 1)]])
    }
    try open(safetensors(try JSONValue.object(members).encoded(), data: Array(0..<7))) { (file) throws in
      for (index, name) in names.enumerated() {
        let entry = try #require(file.entry(named: name))
        #expect(try file.bytes(of: entry) == [UInt8(index)])
        #expect(file.entry(named: name.text) == entry)
      }
    }
  }

  @Test(arguments: SafetensorsDType.allCases)
  func `every element type is known by its name and width`(dtype: SafetensorsDType) throws {
    let bits =
      switch dtype {
      case .float4: 4
      case .float6E2M3, .float6E3M2: 6
      case .bool: 8
      default: Int(dtype.rawValue.drop { !$0.isNumber }.prefix { $0.isNumber }) ?? 0
      }
    #expect(dtype.bitCount == bits)
    let header = #"{"w":{"dtype":"\#(dtype.rawValue)","shape":[8],"data_offsets":[0,\#(bits)]}}"#
    #expect(try openingKind(safetensors(header, data: bits)) == nil)
    // Five elements of less than a byte do not fill their last one.
    let uneven = #"{"w":{"dtype":"\#(dtype.rawValue)","shape":[5],"data_offsets":[0,\#((5 * bits + 7) / 8)]}}"#
    #expect(try openingKind(safetensors(uneven, data: (5 * bits + 7) / 8)) == (bits < 8 ? .sizeMismatch : nil))
  }

  @Test func `parts of a tensor are read`() throws {
    let header =
      #"{"p":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"w":{"dtype":"U8","shape":[9],"data_offsets":[3,12]}}"#
    try open(safetensors(header, data: 12)) { (file) throws in
      let entry = try #require(file.entry(named: "w"))
      var part = [UInt8](repeating: 0, count: 4)
      try part.withUnsafeMutableBytes { try file.read(entry, part: 5..<9, into: $0) }
      #expect(part == [8, 9, 10, 11])
      #expect(errorKind { () throws(InputError) in try file.bytes(of: entry, budget: 8) } == .budget)
      #expect(try file.bytes(of: entry, budget: 9).count == 9)
    }
  }

  @Test func `a header whose length looks like a pickle's first bytes is legal`() throws {
    // 640 is 80 02 in little-endian order.
    try open(safetensors("{}" + String(repeating: " ", count: 638))) { #expect($0.entries.isEmpty) }
  }

  // A quadratic check would take hours.
  @Test(.timeLimit(.minutes(5)))
  func `a header of 50,000 tensors takes linear time`() throws {
    let members = (0..<50_000).map { #""t\#($0)":{"dtype":"F32","shape":[0,\#($0)],"data_offsets":[0,0]}"# }
    try open(safetensors("{\(members.joined(separator: ","))}")) { (file) throws in
      #expect(file.entries.count == 50_000)
      #expect(file.entry(named: "t49999")?.shape == [0, 49_999])
    }
  }

  // Skipped where ATTENTION_TEST_DATA is not set: the reference's own test files are not part of the package.
  @Test(.enabled(if: testData != nil))
  func `the reference's cases are decided as it decides them`() throws {
    let folder = try #require(testData) + "/safetensors-cases"
    let cases = JSONField(try JSONValue(parsing: InputFile.contents(of: folder + "/cases.json", atMost: 1 << 20)))
    let kinds: [String: InputError.Kind] = [
      "HeaderTooLarge": .tooLarge, "HeaderTooSmall": .truncated, "InvalidHeaderLength": .truncated,
      "InvalidHeader": .badUTF8, "InvalidHeaderDeserialization": .badJSON, "TensorInvalidInfo": .sizeMismatch,
      "ValidationOverflow": .overflow, "InvalidOffset": .badOffset,
    ]
    // One name of the reference stands for both.
    let incomplete: [String: InputError.Kind] = [
      "metadata_incomplete_buffer_1.safetensors": .trailing, "metadata_incomplete_buffer_2.safetensors": .truncated,
    ]
    var count = 0
    for field in try cases.array() {
      let name = try field.required("file").string()
      let expected = try field.required("expect").string()
      let kind = errorKind { () throws(InputError) in try SafetensorsFile(opening: "\(folder)/\(name)") }
      if expected == "ok" {
        #expect(kind == nil, "\(name)")
      } else {
        let wanted = try #require(incomplete[name] ?? kinds[expected], "\(expected) has no counterpart here")
        #expect(kind == wanted, "\(name)")
      }
      count += 1
    }
    #expect(count == 16)
  }
}
