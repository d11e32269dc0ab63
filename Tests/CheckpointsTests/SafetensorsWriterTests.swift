import Checkpoints
import Formats
import Foundation
import TestSupport
import Testing

@Suite struct SafetensorsWriting {
  @Test func `the file is laid out as the reference lays it out`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/x.safetensors"
      let tensors = [
        SafetensorsTensor(name: "b", dtype: .float32, shape: [1]),
        SafetensorsTensor(name: "u", dtype: .uint8, shape: [3]),
        SafetensorsTensor(name: "a", dtype: .float32, shape: []),
        SafetensorsTensor(name: "i", dtype: .int64, shape: [0]),
      ]
      let bytes: [[UInt8]] = [[1, 2, 3, 4], [5, 6, 7], [8, 9, 10, 11], []]
      try SafetensorsWriter.write(tensors, metadata: [("format", "pt")], to: path) { (index, sink) throws(InputError) in
        try sink.write(bytes[index])
      }
      let header =
        #"{"__metadata__":{"format":"pt"},"i":{"dtype":"I64","shape":[0],"data_offsets":[0,0]},"#
        + #""a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]},"#
        + #""u":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}}"#
      let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
      let expected = safetensors(Array(padded.utf8), data: [8, 9, 10, 11, 1, 2, 3, 4, 5, 6, 7])
      #expect(try InputFile.contents(of: path, atMost: 10_000) == expected)
    }
  }

  @Test func `random models come back byte for byte`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/x.safetensors"
      let dtypes = SafetensorsDType.allCases.filter { $0.bitCount >= 8 }
      for seed in 0..<300 {
        var generator = SeededGenerator(seed)
        var contents: [JSONString: [UInt8]] = [:]
        var tensors: [SafetensorsTensor] = []
        for index in 0..<Int.random(in: 0..<12, using: &generator) {
          let name = JSONString(
            ["é", "e\u{301}", "h.\(index).weight", "\"\\\n\u{0}", "t\(index)"][index % 5] + "\(index / 5)")
          let shape = (0..<Int.random(in: 0..<4, using: &generator)).map { _ in Int.random(in: 0..<6, using: &generator)
          }
          let dtype = dtypes.randomElement(using: &generator) ?? .uint8
          tensors.append(SafetensorsTensor(name: name, dtype: dtype, shape: shape))
          let count = try dtype.byteCount(of: shape)
          contents[name] = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
        let metadata = (0..<Int.random(in: 0..<3, using: &generator)).map { (key: "k\($0)", value: "v\n\"\($0)é") }
        try SafetensorsWriter.write(tensors, metadata: metadata, to: path) { (index, sink) throws(InputError) in
          var rest = (contents[tensors[index].name] ?? [])[...]
          while !rest.isEmpty {
            let piece = rest.prefix(Int.random(in: 1...50, using: &generator))
            try sink.write(Array(piece))
            rest = rest.dropFirst(piece.count)
          }
        }
        let file = try SafetensorsFile(opening: path)
        #expect(file.entries.count == tensors.count, "seed \(seed)")
        #expect(file.metadata.map { "\($0.key)=\($0.value)" } == metadata.map { "\($0.key)=\($0.value)" })
        for tensor in tensors {
          let entry = try #require(file.entry(named: tensor.name), "seed \(seed)")
          #expect(entry.dtype == tensor.dtype && entry.shape == tensor.shape)
          #expect(try file.bytes(of: entry) == contents[tensor.name], "seed \(seed)")
        }
      }
    }
  }

  /// Tries to write over an old file, which must stay, and gives the kind of the error.
  private func kind(
    _ tensors: [SafetensorsTensor], metadata: [(key: String, value: String)] = [], given count: Int? = nil
  ) throws -> InputError.Kind? {
    try withFolder { (folder) throws in
      let path = folder + "/x.safetensors"
      try AtomicFile.write([7], to: path)
      let kind = errorKind { () throws(InputError) in
        try SafetensorsWriter.write(tensors, metadata: metadata, to: path) { (_, sink) throws(InputError) in
          try sink.write([UInt8](repeating: 0, count: count ?? 0))
        }
      }
      #expect(try kind == nil || InputFile.contents(of: path, atMost: 1) == [7])
      #expect(try names(inFolder: folder) == ["x.safetensors"])
      return kind
    }
  }

  @Test func `what the reader refuses is not written`() throws {
    func tensor(_ name: JSONString, _ dtype: SafetensorsDType = .uint8, _ shape: [Int] = [0]) -> SafetensorsTensor {
      SafetensorsTensor(name: name, dtype: dtype, shape: shape)
    }
    #expect(try kind([tensor("a"), tensor("a")]) == .duplicate)
    #expect(try kind([tensor("__metadata__")]) == .wrongType)
    #expect(try kind([tensor("__metadata__")], metadata: [("a", "b")]) == .duplicate)
    #expect(try kind([tensor("a")], metadata: [("a", "b"), ("a", "c")]) == .duplicate)
    #expect(try kind([tensor(JSONString(utf8: [0xFF]))]) == .badUTF8)
    #expect(try kind([tensor("a", .float4, [3])]) == .sizeMismatch)
    #expect(try kind([tensor("a", .uint8, [-1])]) == .badValue)
    #expect(try kind([tensor("a", .uint8, [.max, .max])]) == .overflow)
    #expect(try kind([tensor("a", .uint8, [0, .max, 2])]) == .overflow)
    #expect(try kind([tensor("a", .uint8, [.max]), tensor("b", .uint8, [.max])]) == .overflow)
    #expect(try kind([tensor("a", .uint8, Array(repeating: 1, count: 65))]) == .tooLarge)
    #expect(try kind([tensor(JSONString(utf8: [UInt8](repeating: 0x61, count: 100_000_000)))]) == .tooLarge)
    #expect(try kind([tensor("a"), tensor("é"), tensor("e\u{301}")]) == nil)
  }

  @Test func `contents of another length are refused, and the old file stays`() throws {
    let tensors = [SafetensorsTensor(name: "a", dtype: .float32, shape: [4])]
    #expect(try kind(tensors, given: 15) == .sizeMismatch)
    #expect(try kind(tensors, given: 17) == .sizeMismatch)
    #expect(try kind(tensors, given: 0) == .sizeMismatch)
    #expect(try kind(tensors, given: 16) == nil)
  }

  @Test func `an error of the contents stops the writing, and the old file stays`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/x.safetensors"
      try AtomicFile.write([7], to: path)
      let tensors = [SafetensorsTensor(name: "a", dtype: .uint8, shape: [1])]
      let kind = errorKind { () throws(InputError) in
        try SafetensorsWriter.write(tensors, to: path) { (_, _) throws(InputError) in
          throw InputError(.nonFinite, "NaN")
        }
      }
      #expect(kind == .nonFinite)
      #expect(try InputFile.contents(of: path, atMost: 1) == [7])
      #expect(try names(inFolder: folder) == ["x.safetensors"])
    }
  }

  @Test func `an open file stays readable while it is replaced`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/x.safetensors"
      let tensors = [SafetensorsTensor(name: "a", dtype: .uint8, shape: [2])]
      try SafetensorsWriter.write(tensors, to: path) { (_, sink) throws(InputError) in try sink.write([1, 2]) }
      let file = try SafetensorsFile(opening: path)
      // A model that is saved over its own file reads what it writes.
      try SafetensorsWriter.write(tensors, to: path) { (_, sink) throws(InputError) in
        try sink.write(try file.bytes(of: file.entries[0]).map { $0 + 10 })
      }
      #expect(try file.bytes(of: file.entries[0]) == [1, 2])
      let new = try SafetensorsFile(opening: path)
      #expect(try new.bytes(of: new.entries[0]) == [11, 12])
    }
  }
}
