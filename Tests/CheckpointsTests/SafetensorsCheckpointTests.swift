import Checkpoints
import Formats
import Foundation
import Testing

/// A folder with two shards (`a`, `b` in the first, `c` in the second) and an index, to be spoilt by a test.
struct ShardedFolder {
  let path: String
  static let first = "model-00001-of-00002.safetensors"
  static let second = "model-00002-of-00002.safetensors"
  static let indexName = "model.safetensors.index.json"

  init(_ path: String) throws {
    self.path = path
    try write(["a", "b"], to: Self.first)
    try write(["c"], to: Self.second)
    try writeIndex(["a": Self.first, "b": Self.first, "c": Self.second], size: "12")
  }

  func write(_ names: [JSONString], to file: String, shape: [Int] = [4]) throws {
    let tensors = names.map { SafetensorsTensor(name: $0, dtype: .uint8, shape: shape) }
    try SafetensorsWriter.write(tensors, to: "\(path)/\(file)") { (index, sink) throws(InputError) in
      try sink.write([UInt8](repeating: names[index].utf8[0], count: shape.reduce(1, *)))
    }
  }

  func writeIndex(_ shards: [String: String], size: String) throws {
    let map = shards.sorted { $0.key < $1.key }.map { JSONMember(JSONString($0), .string(JSONString($1))) }
    let text = String(decoding: try JSONValue.object(map).encoded(), as: UTF8.self)
    try writeIndex(#"{"metadata":{"total_size":\#(size)},"weight_map":\#(text)}"#)
  }

  func writeIndex(_ text: String) throws { try AtomicFile.write(Array(text.utf8), to: "\(path)/\(Self.indexName)") }

  func kind(allowingLinks: Bool = true) -> InputError.Kind? {
    errorKind { () throws(InputError) in try SafetensorsCheckpoint(at: path, allowingLinks: allowingLinks) }
  }
}

func withShards<R>(_ body: (ShardedFolder) throws -> R) throws -> R {
  try withFolder { try body(try ShardedFolder($0)) }
}

@Suite struct Checkpoints {
  @Test func `tensors are found over the shards`() throws {
    try withShards { (folder) throws in
      for path in [folder.path, "\(folder.path)/\(ShardedFolder.indexName)"] {
        let checkpoint = try SafetensorsCheckpoint(at: path)
        #expect(checkpoint.files.count == 2 && checkpoint.warnings.isEmpty)
        #expect(checkpoint.tensors.map(\.entry.name) == ["a", "b", "c"])
        for name in ["a", "b", "c"] {
          let tensor = try #require(checkpoint.tensor(named: name))
          #expect(try tensor.file.bytes(of: tensor.entry) == Array(repeating: Array(name.utf8)[0], count: 4))
        }
        #expect(checkpoint.tensor(named: "d") == nil)
      }
    }
  }

  @Test func `a single file is found in its folder, before an index, and by its own path`() throws {
    try withShards { (folder) throws in
      try folder.write(["x"], to: "model.safetensors")
      #expect(try SafetensorsCheckpoint(at: folder.path).tensors.map(\.entry.name) == ["x"])
      let shard = try SafetensorsCheckpoint(at: "\(folder.path)/\(ShardedFolder.second)")
      #expect(shard.tensors.map(\.entry.name) == ["c"])
    }
  }

  @Test(arguments: [
    "../x.safetensors", "/etc/passwd", "a/../../x", #"..\x"#, "./x", #"C:\x"#, "file:///x", "~/x", "%2e%2e/x", "", ".",
    "a\0", "a\nb",
  ])
  func `a shard that leads out of the folder is refused`(shard: String) throws {
    try withShards { (folder) throws in
      try folder.writeIndex(["a": ShardedFolder.first, "b": ShardedFolder.first, "c": shard], size: "12")
      #expect(folder.kind() == .pathEscape)
    }
  }

  @Test func `a shard that is a link is followed or refused, as the caller says`() throws {
    try withShards { (folder) throws in
      let shard = "\(folder.path)/\(ShardedFolder.second)"
      try FileManager.default.moveItem(atPath: shard, toPath: folder.path + "/blob")
      symlink("blob", shard)
      #expect(folder.kind() == nil)
      #expect(folder.kind(allowingLinks: false) == .pathEscape)
    }
  }

  @Test func `shards that are no files are refused`() throws {
    func kind(_ spoil: (String) throws -> Void) throws -> InputError.Kind? {
      try withShards { (folder) throws in
        let shard = "\(folder.path)/\(ShardedFolder.second)"
        unlink(shard)
        try spoil(shard)
        return folder.kind()
      }
    }
    #expect(try kind { symlink($0, $0) } == .io)
    #expect(try kind { mkdir($0, 0o700) } == .io)
    #expect(try kind { mkfifo($0, 0o600) } == .io)
    #expect(try kind { _ in } == .notFound)
    try withShards { (folder) throws in
      for shard in [ShardedFolder.first, ShardedFolder.second] { unlink("\(folder.path)/\(shard)") }
      let error = try #require(throws: InputError.self) { try SafetensorsCheckpoint(at: folder.path) }
      #expect(error.what.contains(#""\#(ShardedFolder.first)", "\#(ShardedFolder.second)""#))
    }
    #expect(try kind { try AtomicFile.write([], to: $0) } == .truncated)
    #expect(try kind { try AtomicFile.write([0x50, 0x4B, 3, 4, 0, 0, 8, 8, 0, 0], to: $0) } == .unsupported)
    #expect(try kind { try AtomicFile.write([0x80, 2, 0x7D, 0x71, 0, 1, 2, 3, 4], to: $0) } == .unsupported)
  }

  @Test func `an index that names itself or another case is refused`() throws {
    try withShards { (folder) throws in
      try folder.writeIndex(["a": ShardedFolder.indexName], size: "12")
      #expect(folder.kind() == .badMagic)
      try folder.writeIndex(["a": "Model-00001-of-00002.safetensors"], size: "12")
      // A file system that ignores case finds the file, and then the tensors that the index lacks.
      #expect([.notFound, .inconsistent].contains(folder.kind()))
    }
  }

  @Test(
    arguments: [
      ("{}", .missing), (#"{"metadata":{}}"#, .missing), (#"{"weight_map":[]}"#, .wrongType),
      (#"{"weight_map":null}"#, .wrongType), (#"{"weight_map":"x"}"#, .wrongType),
      (#"{"weight_map":{"a":1}}"#, .wrongType),
      (#"{"weight_map":{"a":null}}"#, .wrongType), (#"{"weight_map":{"a":[]}}"#, .wrongType),
      (#"{"weight_map":{"a":{}}}"#, .wrongType), ("[]", .wrongType), ("", .badJSON), ("{} x", .badJSON),
      (#"{"weight_map":{},"metadata":[]}"#, .wrongType),
      (#"{"weight_map":{},"metadata":{"total_size":"1"}}"#, .wrongType),
      (#"{"weight_map":{"a":"m.safetensors","a":"n.safetensors"}}"#, .duplicate),
      (#"{"weight_map":{},"weight_map":{}}"#, .duplicate),
      (#"{"weight_map":{"a":"pytorch_model-00001-of-00002.bin"}}"#, .unsupported),
      (#"{"weight_map":{"a":"x.pt"}}"#, .unsupported),
      (#"{"x":"# + String(repeating: "[", count: 100_000), .badJSON),
    ] as [(String, InputError.Kind)])
  func `a malformed index is refused`(text: String, kind: InputError.Kind) throws {
    try withShards { (folder) throws in
      try folder.writeIndex(text)
      #expect(folder.kind() == kind)
    }
  }

  @Test func `an index that is no UTF-8, too long or names too much is refused`() throws {
    try withShards { (folder) throws in
      let index = "\(folder.path)/\(ShardedFolder.indexName)"
      try AtomicFile.write(Array(#"{"weight_map":{""#.utf8) + [0xFF], to: index)
      #expect(folder.kind() == .badUTF8)
      let entries = (0..<600).map { #""t\#($0)":"s\#($0).safetensors""# }
      try folder.writeIndex(#"{"weight_map":{\#(entries.joined(separator: ","))}}"#)
      #expect(folder.kind() == .tooLarge)
      truncate(index, 200 << 20)
      #expect(folder.kind() == .tooLarge)
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `an index of too many tensors is refused`() throws {
    try withShards { (folder) throws in
      let entries = (0..<1 << 19 + 1).map { "\"t\($0)\":\"s\"" }
      try folder.writeIndex(#"{"weight_map":{\#(entries.joined(separator: ","))}}"#)
      #expect(folder.kind() == .tooLarge)
    }
  }

  @Test func `an index and shards that disagree are refused by name`() throws {
    func error(_ spoil: (ShardedFolder) throws -> Void) throws -> String {
      try withShards { (folder) throws in
        try spoil(folder)
        let error = try #require(throws: InputError.self) { try SafetensorsCheckpoint(at: folder.path) }
        #expect(error.kind == .inconsistent)
        return error.what
      }
    }
    let (first, second) = (ShardedFolder.first, ShardedFolder.second)
    let swapped = try error { try $0.writeIndex(["a": first, "b": second, "c": second], size: "12") }
    #expect(swapped == #"the shard "\#(first)" holds "b", but the index places it in "\#(second)""#)
    let unlisted = try error { try $0.writeIndex(["a": first, "c": second], size: "12") }
    #expect(unlisted == #"the shard "\#(first)" holds "b", but the index does not list it"#)
    let absent = try error { try $0.writeIndex(["a": first, "b": first, "c": second, "d": second], size: "12") }
    #expect(absent == #"the index places "d" in the shard "\#(second)", which does not hold it"#)
    let several = try error { try $0.writeIndex(["a": first, "d": first, "e": second], size: "12") }
    #expect(
      several == #"the shard "\#(first)" holds "b", but the index does not list it; "#
        + #"the shard "\#(second)" holds "c", but the index does not list it; "#
        + #"the index places "d" in the shard "\#(first)", which does not hold it; "#
        + #"the index places "e" in the shard "\#(second)", which does not hold it"#)
    let twice = try error { try $0.write(["c", "a"], to: second, shape: [2, 2]) }
    #expect(twice == #"the shard "\#(second)" holds "a", but the index places it in "\#(first)""#)
  }

  @Test(arguments: ["-1", "9223372036854775808", "11", "13", "1.5"])
  func `a wrong total size is a warning`(size: String) throws {
    try withShards { (folder) throws in
      try folder.writeIndex(
        ["a": ShardedFolder.first, "b": ShardedFolder.first, "c": ShardedFolder.second], size: size)
      let warnings = try SafetensorsCheckpoint(at: folder.path).warnings
      #expect(warnings.map(\.kind) == [.inconsistent])
      #expect(warnings[0].place.hasSuffix("metadata.total_size"))
    }
  }

  @Test(arguments: ["12", "12.0", "1.2e1"])
  func `a right total size is none`(size: String) throws {
    try withShards { (folder) throws in
      try folder.writeIndex(
        ["a": ShardedFolder.first, "b": ShardedFolder.first, "c": ShardedFolder.second], size: size)
      #expect(try SafetensorsCheckpoint(at: folder.path).warnings.isEmpty)
    }
  }

  @Test(arguments: ["pytorch_model.bin", "pytorch_model.bin.index.json"])
  func `a folder with pickle files only is unsupported`(name: String) throws {
    try withFolder { (folder) throws in
      try AtomicFile.write([0x80, 2], to: "\(folder)/\(name)")
      let error = try #require(throws: InputError.self) { try SafetensorsCheckpoint(at: folder) }
      #expect(error.kind == .unsupported && error.what.contains("pickle") && !error.advice.isEmpty)
    }
  }

  @Test func `nothing there is not found`() throws {
    try withFolder { (folder) throws in
      for path in [folder, folder + "/none", folder + "/none.safetensors"] {
        #expect(errorKind { () throws(InputError) in try SafetensorsCheckpoint(at: path) } == .notFound)
      }
    }
  }

  @Test func `a folder of files is saved as one`() throws {
    try withFolder { (parent) throws in
      let path = parent + "/model"
      for value in [1, 2] as [UInt8] {
        let folder = try AtomicDirectory(replacing: path)
        try folder.write(Array("{}".utf8), to: "config.json")
        let tensors = [SafetensorsTensor(name: "w", dtype: .uint8, shape: [1])]
        try SafetensorsWriter.write(tensors, to: try folder.path(of: "model.safetensors")) {
          (_, sink) throws(InputError) in try sink.write([value])
        }
        try folder.commit()
        let tensor = try #require(try SafetensorsCheckpoint(at: path).tensor(named: "w"))
        #expect(try tensor.file.bytes(of: tensor.entry) == [value])
        #expect(try names(inFolder: parent) == ["model"])
      }
    }
  }

  // No tensor has such a shape, but a file may, and can be listed, copied and compared.
  @Test(arguments: [[1, 2, 1, 1, 1, 1, 2], [1 << 40, 0]])
  func `shapes that no tensor has are read as bytes only`(shape: [Int]) throws {
    try withFolder { (folder) throws in
      let path = folder + "/x.safetensors", copy = folder + "/copy.safetensors"
      let tensor = SafetensorsTensor(name: "w", dtype: .float32, shape: shape)
      let count = shape.reduce(1, *)
      for (path, byte) in [(path, UInt8(1)), (folder + "/other.safetensors", 2)] {
        try SafetensorsWriter.write([tensor], to: path) { (_, sink) throws(InputError) in
          try sink.write([UInt8](repeating: byte, count: 4 * count))
        }
      }
      let checkpoint = try SafetensorsCheckpoint(at: path)
      let stored = try #require(checkpoint.tensor(named: "w"))
      #expect(stored.shape == shape && stored.elementCount == count)
      #expect(errorKind { () throws(InputError) in try stored.read() } == .unsupported)
      try convert(checkpoint, to: copy, .safetensors)
      #expect(try differences(between: checkpoint, and: SafetensorsCheckpoint(at: copy)).isEmpty)
      let other = try SafetensorsCheckpoint(at: folder + "/other.safetensors")
      #expect(try differences(between: checkpoint, and: other).map(\.difference) == (count == 0 ? [] : [.bytes]))
      #expect(
        errorKind { () throws(InputError) in try convert(checkpoint, to: copy, .npz, as: .float16) } == .unsupported)
    }
  }
}
