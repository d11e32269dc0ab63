import Checkpoints
import Formats
import Foundation
import Synchronization
import Tensor
import TestSupport
import Testing

/// Tensors with their bytes, and how they are written.
private struct Sample {
  var tensors: [SafetensorsTensor] = []
  var bytes: [[UInt8]] = []

  mutating func add(_ name: JSONString, _ dtype: SafetensorsDType, _ shape: [Int]) throws {
    let count = try dtype.byteCount(of: shape)
    bytes.append((0..<count).map { UInt8(truncatingIfNeeded: 31 * tensors.count + 7 * $0) })
    tensors.append(SafetensorsTensor(name: name, dtype: dtype, shape: shape))
  }

  func write(
    to path: String, shardSize: Int?, metadata: [(key: String, value: String)] = [], discardingOthers: Bool = false
  ) throws(InputError) {
    let folder = try AtomicDirectory(replacing: path, discardingOthers: discardingOthers)
    try SafetensorsWriter.write(
      tensors, metadata: metadata, to: folder, shardSize: shardSize.map { ShardSize(byteCount: $0) }
    ) { (index, sink) throws(InputError) in
      let half = bytes[index].count / 2
      try sink.write(Array(bytes[index][..<half]))
      try sink.write(Array(bytes[index][half...]))
    }
    try folder.commit()
  }

  /// That a folder holds these tensors and no others.
  func check(_ path: String, _ comment: Comment? = nil) throws {
    let checkpoint = try SafetensorsCheckpoint(at: path)
    #expect(checkpoint.warnings.isEmpty && checkpoint.tensors.count == tensors.count, comment)
    for (tensor, bytes) in zip(tensors, bytes) {
      let found = try #require(checkpoint.tensor(named: tensor.name), comment)
      #expect(found.elementType == tensor.dtype && found.shape == tensor.shape, comment)
      #expect(try found.bytes(0..<found.byteCount) == bytes, comment)
    }
  }
}

private func sample(_ sizes: [Int]) throws -> Sample {
  var sample = Sample()
  for (index, size) in sizes.enumerated() { try sample.add(JSONString("t\(index)"), .uint8, [size]) }
  return sample
}

/// The names in each shard, in the order of the files.
private func shards(_ path: String) throws -> [[String]] {
  try SafetensorsCheckpoint(at: path).files.map { file in file.entries.map(\.name.text) }
}

@Suite struct ShardedWriting {
  /// The cuts are those of huggingface_hub 2.4: a larger tensor stands before the file that was being filled.
  @Test(arguments: [
    ([6, 6, 2, 6, 2, 2], 10, [["t0"], ["t1", "t2"], ["t3", "t4", "t5"]]),
    ([3, 11, 3], 10, [["t1"], ["t0", "t2"]]), ([11, 12], 10, [["t0"], ["t1"]]),
    ([5, 5, 0, 1], 10, [["t0", "t1", "t2"], ["t3"]]), ([0, 3, 0, 2, 0], 1, [["t1"], ["t3"], ["t0", "t2", "t4"]]),
    ([1, 1, 1], 1, [["t0"], ["t1"], ["t2"]]), ([10, 1], 10, [["t0"], ["t1"]]),
  ]) func `tensors are cut into files as the reference cuts them`(sizes: [Int], limit: Int, expected: [[String]]) throws
  {
    try withFolder { (folder) throws in
      let sample = try sample(sizes)
      try sample.write(to: folder + "/m", shardSize: limit)
      #expect(try shards(folder + "/m").map { $0.sorted() } == expected)
      try sample.check(folder + "/m")
      let count = String(format: "%05d", expected.count)
      let files = expected.indices.map { String(format: "model-%05d-of-", $0 + 1) + count + ".safetensors" }
      #expect(try names(inFolder: folder + "/m") == files + ["model.safetensors.index.json"])
    }
  }

  @Test func `the index is written as the reference writes it`() throws {
    try withFolder { (folder) throws in
      var sample = Sample()
      for name in ["h.10.w", "h.2.w", "a", "é", "Z", "😀", "\u{FFFD}"] as [JSONString] {
        try sample.add(name, .bfloat16, [3])
      }
      try sample.add("scalar", .float32, [])
      try sample.write(to: folder + "/m", shardSize: 12)
      let text = String(
        decoding: try InputFile.contents(of: folder + "/m/model.safetensors.index.json", atMost: 10_000), as: UTF8.self)
      func line(_ name: String, _ number: Int) -> String {
        "    \"\(name)\": \"model-0000\(number)-of-00004.safetensors\""
      }
      let map = [
        line("Z", 3), line("a", 2), line("h.10.w", 1), line("h.2.w", 1), line("scalar", 4), line("é", 2),
        line("\u{FFFD}", 4), line("😀", 3),
      ]
      #expect(
        text == """
          {
            "metadata": {
              "total_parameters": 22,
              "total_size": 46
            },
            "weight_map": {
          \(map.joined(separator: ",\n"))
            }
          }

          """)
    }
  }

  @Test(arguments: [nil, 100, 6] as [Int?]) func `what fits is one file without an index`(limit: Int?) throws {
    try withFolder { (folder) throws in
      for sizes in [[], [6], [1, 2, 3], [0, 0]] {
        let sample = try sample(sizes)
        try sample.write(to: folder + "/m", shardSize: limit)
        #expect(try names(inFolder: folder + "/m") == ["model.safetensors"])
        try sample.check(folder + "/m")
      }
    }
  }

  @Test func `random models come back from shards of any size`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/m"
      let dtypes = SafetensorsDType.allCases.filter { $0.bitCount >= 8 }
      for seed in 0..<150 {
        var generator = SeededGenerator(seed)
        var sample = Sample()
        for index in 0..<Int.random(in: 0..<20, using: &generator) {
          let shape = (0..<Int.random(in: 0..<4, using: &generator)).map { _ in Int.random(in: 0..<5, using: &generator)
          }
          let name =
            ["é", "e\u{301}", "h.\(index).weight", "\"\\\n\u{0}", "__metadata__t", ""][index % 6] + "\(index / 6)"
          try sample.add(JSONString(name), dtypes.randomElement(using: &generator) ?? .uint8, shape)
        }
        let metadata = [(key: "format", value: "pt"), (key: "k\n", value: "v\"é\(seed)")]
        let limit = [1, 2, 7, 64, 500, Int.max].randomElement(using: &generator) ?? 1
        try sample.write(to: path, shardSize: limit, metadata: metadata)
        try sample.check(path, "seed \(seed)")
        let checkpoint = try SafetensorsCheckpoint(at: path)
        #expect(checkpoint.metadata.map { [$0.key, $0.value] } == metadata.map { [$0.key, $0.value] })
        for file in checkpoint.files {
          #expect(file.metadata.count == 2 && (file.dataByteCount <= limit || file.entries.count == 1), "seed \(seed)")
        }
        #expect(try names(inFolder: path).count == checkpoint.files.count + (checkpoint.files.count == 1 ? 0 : 1))
        #expect(try names(inFolder: folder) == ["m"])
      }
    }
  }

  /// Shards are named by how many there are, and a single file would be read before an index.
  @Test func `no weights stay of a former checkpoint`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/m"
      for limit in [2, 4, nil, 3, nil, 1, 5] {
        let sample = try sample([limit ?? 0, 2, 2, 2, 1])
        try sample.write(to: path, shardSize: limit)
        try sample.check(path)
        let checkpoint = try SafetensorsCheckpoint(at: path)
        #expect(
          try names(inFolder: path).filter { $0.hasSuffix("s") }
            == checkpoint.files.map { $0.path.split(separator: "/").last.map(String.init) })
        #expect(try fileKind(path + "/model.safetensors") == nil || names(inFolder: path) == ["model.safetensors"])
      }
      // What is not known to be weights is not taken away.
      for name in [
        "adapter_model.safetensors", "model-1-of-2.safetensors", "model-00001-of-00002.safetensors.md", "README.md",
      ] {
        try AtomicFile.write([1], to: "\(path)/\(name)")
        let error = #expect(throws: InputError.self) { try sample([1]).write(to: path, shardSize: nil) }
        #expect(error?.kind == .inconsistent && error?.what.contains(name) == true)
        try sample([5, 2, 2, 2, 1]).check(path)
        try FileManager.default.removeItem(atPath: "\(path)/\(name)")
      }
    }
  }

  @Test func `what the reader refuses is not written, and the old checkpoint stays`() throws {
    try withFolder { (folder) throws in
      let old = try sample([4, 4])
      try old.write(to: folder + "/m", shardSize: 4)
      func kind(_ tensors: [SafetensorsTensor], metadata: [(key: String, value: String)] = []) throws -> InputError
        .Kind?
      {
        let kind = errorKind { () throws(InputError) in
          try Sample(tensors: tensors, bytes: tensors.map { _ in [1, 2] }).write(
            to: folder + "/m", shardSize: 2, metadata: metadata)
        }
        try old.check(folder + "/m")
        #expect(try names(inFolder: folder) == ["m"])
        return kind
      }
      func tensor(_ name: JSONString, _ shape: [Int] = [2]) -> SafetensorsTensor {
        SafetensorsTensor(name: name, dtype: .uint8, shape: shape)
      }
      #expect(try kind([tensor("a"), tensor("b"), tensor("a")]) == .duplicate)
      #expect(try kind([tensor("a"), tensor("__metadata__")]) == .wrongType)
      #expect(try kind([tensor("a"), tensor(JSONString(utf8: [0xFF]))]) == .badUTF8)
      #expect(try kind([tensor("a"), tensor("b", [-1])]) == .badValue)
      #expect(try kind([tensor("a", [.max]), tensor("b", [.max])]) == .overflow)
      #expect(try kind([tensor("a"), tensor("b")], metadata: [("x", "1"), ("x", "2")]) == .duplicate)
      #expect(try kind((0..<513).map { tensor(JSONString("t\($0)")) }) == .tooLarge)
      #expect(try kind([tensor("a"), tensor("b", [3])]) == .sizeMismatch)
    }
  }

  @Test func `weights are staged once`() throws {
    try withFolder { (folder) throws in
      let (path, sample) = (folder + "/m", try sample([4, 4]))
      try sample.write(to: path, shardSize: nil)
      for (first, second) in [(nil, 4), (4, nil), (4, 4), (nil, nil)] as [(Int?, Int?)] {
        let target = try AtomicDirectory(replacing: path)
        func stage(_ size: Int?) throws(InputError) {
          try SafetensorsWriter.write(sample.tensors, to: target, shardSize: size.map { ShardSize(byteCount: $0) }) {
            (index, sink) throws(InputError) in try sink.write(sample.bytes[index])
          }
        }
        try stage(first)
        let error = #expect(throws: InputError.self) { try stage(second) }
        #expect(error?.kind == .duplicate && error?.place == path)
        try target.commit()
        try sample.check(path)
        #expect(try names(inFolder: path).count == (first == nil ? 1 : 3))
      }
    }
  }

  @Test func `weights that were not all written take the place of none`() throws {
    try withFolder { (folder) throws in
      let (path, old) = (folder + "/m", try sample([4, 4]))
      try old.write(to: path, shardSize: nil)
      let target = try AtomicDirectory(replacing: path)
      var count = 0
      let error = #expect(throws: InputError.self) {
        try SafetensorsWriter.write(old.tensors, to: target, shardSize: ShardSize(byteCount: 4)) {
          (index, sink) throws(InputError) in
          count += 1
          guard count == 1 else { throw InputError(.io, "test") }
          try sink.write(old.bytes[index])
        }
      }
      #expect(error?.kind == .io)
      #expect(errorKind { () throws(InputError) in try target.commit() } == .inconsistent)
      try old.check(path)
    }
  }

  @Test func `what cannot be dealt out is told with the folder's path`() throws {
    try withFolder { (folder) throws in
      let tensors = [SafetensorsTensor(name: "a", dtype: .uint8, shape: [-1])]
      let error = #expect(throws: InputError.self) {
        try Sample(tensors: tensors, bytes: [[]]).write(to: folder + "/m", shardSize: 4)
      }
      #expect(error?.place.hasPrefix(folder + "/m") == true && error?.place.contains("\"a\"") == true)
    }
  }

  @Test func `an error on the way leaves the old checkpoint`() throws {
    try withFolder { (folder) throws in
      let (old, new) = (try sample([4, 4, 1]), try sample([3, 3, 3, 2]))
      try old.write(to: folder + "/m", shardSize: 4)
      var failures = 0
      for failing in 0... {
        let asked = Mutex(-1)
        let error = FileFaults.$before.withValue({ _ in
          asked.withLock { count in
            count += 1
            return count == failing ? .errno(28) : nil
          }
        }) { () -> InputError? in
          do throws(InputError) { try new.write(to: folder + "/m", shardSize: 3) } catch { return error }
          return nil
        }
        if asked.withLock({ $0 < failing }) { break }
        // Once the new folder is in place, only flushing what is around it can fail, or taking the old one away.
        let isNew = try shards(folder + "/m").count == 4
        #expect(isNew || error?.kind == .io, "step \(failing)")
        try (isNew ? new : old).check(folder + "/m", "step \(failing)")
        if !isNew { failures += 1 }
        try old.write(to: folder + "/m", shardSize: 4)
      }
      #expect(failures > 30)
    }
  }

  @Test func `a folder moved aside by a killed writer is found by readers`() throws {
    try withFolder { (folder) throws in
      let sample = try sample([4, 4])
      try sample.write(to: folder + "/m", shardSize: 4)
      try FileManager.default.moveItem(atPath: folder + "/m", toPath: folder + "/.m.0123456789abcdef.old")
      #expect(try openCheckpoint(at: folder + "/m").tensors.count == 2)
      try sample.check(folder + "/m")
    }
  }

  @Test(arguments: ["m", "m/model.safetensors.index.json", "m/model-00002-of-00002.safetensors", "m/sub/x.npz"])
  func `a folder moved aside by a killed writer is found by readers of its files`(name: String) throws {
    try withFolder { (folder) throws in
      try sample([4, 4]).write(to: folder + "/m", shardSize: 4)
      try FileManager.default.createDirectory(atPath: folder + "/m/sub", withIntermediateDirectories: true)
      let number = SafetensorsTensor(name: "n", dtype: .float32, shape: [])
      try SafetensorsWriter.write([number], to: folder + "/x.safetensors") { (_, sink) throws(InputError) in
        try sink.write([0, 0, 128, 63])
      }
      let archive = try SafetensorsCheckpoint(at: folder + "/x.safetensors")
      try convert(archive, to: folder + "/m/sub/x.npz", .npz)
      func tensors() throws -> [JSONString] { try openCheckpoint(at: "\(folder)/\(name)").tensors.map(\.name) }
      let standing = try tensors()
      try FileManager.default.moveItem(atPath: folder + "/m", toPath: folder + "/.m.0123456789abcdef.old")
      #expect(try tensors() == standing && !standing.isEmpty)
    }
  }

  /// A commit that keeps what it replaces takes away what was kept before.
  @Test(arguments: [nil, 1] as [Int?]) func `what is read is not taken away by its own conversion`(size: Int?) throws {
    try withFolder { (folder) throws in
      let (path, sample) = (folder + "/m", try sample([2, 2]))
      let shardSize = size.map { ShardSize(byteCount: $0) }
      func target(keepingReplaced: Bool) throws(InputError) -> AtomicDirectory {
        try AtomicDirectory(replacing: path, keepingReplaced: keepingReplaced)
      }
      try sample.write(to: path + ".previous", shardSize: 2)
      let source = try SafetensorsCheckpoint(at: path + ".previous")
      let file = path + ".previous/model-00001-of-00002.safetensors"
      // Nothing stands at the place, so that nothing is taken away.
      let first = try target(keepingReplaced: true)
      try first.checkWeights(from: file, beside: [])
      try convert(source, to: first, shardSize: shardSize)
      try first.commit()
      try sample.check(path + ".previous")
      for place in [path + ".previous", file, folder + "/./m.previous/"] {
        let error = #expect(throws: InputError.self) {
          try target(keepingReplaced: true).checkWeights(from: place, beside: [])
        }
        #expect(error?.kind == .badValue && error?.place == path + ".previous" && error?.advice.isEmpty == false)
      }
      let error = #expect(throws: InputError.self) {
        try convert(source, to: try target(keepingReplaced: true), shardSize: shardSize)
      }
      #expect(error?.kind == .badValue && error?.place == path + ".previous" && error?.advice.isEmpty == false)
      try sample.check(path + ".previous")
      // Where nothing is kept, the one before stays.
      let last = try target(keepingReplaced: false)
      try last.checkWeights(from: file, beside: [])
      try convert(source, to: last, shardSize: shardSize)
      try last.commit()
      try sample.check(path + ".previous")
      try sample.check(path)
    }
  }

  @Test func `what a conversion would lose is known before it begins`() throws {
    try withFolder { (folder) throws in
      let (path, sample) = (folder + "/m", try sample([2, 2]))
      let target = try AtomicDirectory(replacing: path)
      try target.checkWeights(from: path, beside: [])  // nothing stands there
      try sample.write(to: path, shardSize: 2)
      try AtomicFile.write([1], to: path + "/README.md")
      try target.checkWeights(from: folder + "/other", beside: ["README.md"])
      let error = #expect(throws: InputError.self) { try target.checkWeights(from: folder + "/other", beside: []) }
      #expect(error?.kind == .inconsistent && error?.what.contains("README.md") == true)
      #expect(error?.what.contains("model") == false)
      for source in [path, path + "/", path + "/README.md"] {
        let error = #expect(throws: InputError.self) { try target.checkWeights(from: source, beside: ["README.md"]) }
        #expect(error?.kind == .badValue && error?.what.contains("replaced") == true)
      }
    }
  }

  @Test func `a converted checkpoint is dealt out`() throws {
    try withFolder { (folder) throws in
      var sample = Sample()
      try sample.add("a", .float32, [5])
      try sample.add("b", .int64, [2])
      try sample.add("c", .bfloat16, [3, 1])
      try sample.write(to: folder + "/m", shardSize: nil, metadata: [("license", "é")])
      let source = try SafetensorsCheckpoint(at: folder + "/m")
      func converted(_ size: Int?, as format: StorageFormat? = nil) throws -> SafetensorsCheckpoint {
        let target = try AtomicDirectory(replacing: folder + "/n")
        try convert(source, to: target, shardSize: size.map { ShardSize(byteCount: $0) }, as: format)
        try target.commit()
        return try SafetensorsCheckpoint(at: folder + "/n")
      }
      for size in [nil, 20, 1] {
        let found = try converted(size)
        #expect(try differences(between: source, and: found).isEmpty && found.files.count == (size == nil ? 1 : 3))
        #expect(found.metadata.map(\.key) == ["format", "license"])
      }
      #expect(try converted(16, as: .float16).tensors.map(\.typeName).sorted() == ["F16", "F16", "I64"])
      for path in [folder + "/m", folder + "/m/", folder + "/./m"] {
        let target = try AtomicDirectory(replacing: path)
        #expect(
          errorKind { () throws(InputError) in try convert(source, to: target, shardSize: nil) } == .badValue)
      }
    }
  }
}
