import Formats
import Foundation
import Models
import Tensor
import Testing
import Training

/// A small valid checkpoint, and what is done to it.
private struct Damage {
  let path: String

  func bytes(_ name: String) throws -> [UInt8] {
    try InputFile.contents(of: "\(path)/\(name)", atMost: 1 << 24)
  }

  func write(_ bytes: [UInt8], to name: String) throws {
    try Data(bytes).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
  }

  /// Changes the manifest and makes its checksum right again; the checksums of the files too, where `files` says so.
  func reseal(files: Bool = false, _ change: (inout [JSONMember]) -> Void = { _ in }) throws {
    guard case .object(var members) = try JSONValue(parsing: try bytes("training.json")) else { return }
    members.removeLast()
    if files, let place = members.firstIndex(where: { $0.key == "files" }) {
      var list: [JSONValue] = []
      for name in ["config.json", "model.safetensors", "optimizer.safetensors"] {
        let contents = try bytes(name)
        list.append([
          "name": .string(JSONString(name)), "bytes": .integer(contents.count),
          "sha256": .string(JSONString(SHA256.digest(of: contents))),
        ])
      }
      members[place].value = .array(list)
    }
    change(&members)
    let seal = SHA256.digest(of: try JSONValue.object(members).encoded())
    members.append(JSONMember("sha256", .string(JSONString(seal))))
    try write(try JSONValue.object(members).encoded(pretty: true), to: "training.json")
  }

  /// The kind of the error of opening and restoring.
  func kind() throws -> InputError.Kind? {
    var run = try TinyRun()
    run.model = smallModel()
    let before = run.model.parameters.map(\.value.scalars)
    let kind = errorKind { () throws(InputError) in
      try TrainingCheckpoint(opening: path).restore(&run.model, &run.optimizer, of: run.recipe)
    }
    if kind != nil { #expect(run.model.parameters.map(\.value.scalars) == before && run.optimizer.updateCount == 0) }
    return kind
  }
}

private func smallModel() -> GPT2 { tinyModel(width: 2, layers: 1) }

private func withCheckpoint(_ body: (Damage) throws -> Void) throws {
  try withFolder { folder in
    var run = try TinyRun()
    run.model = smallModel()
    try run.train(0..<2)
    try run.save(to: folder + "/run")
    try body(Damage(path: folder + "/run"))
  }
}

private func set(_ key: String, _ value: JSONValue?) -> (inout [JSONMember]) -> Void {
  { members in
    members.removeAll { value == nil && $0.key == JSONString(key) }
    for index in members.indices where members[index].key == JSONString(key) { members[index].value = value ?? .null }
  }
}

@Suite struct DamagedCheckpointTests {
  private static let files = ["config.json", "model.safetensors", "optimizer.safetensors", "training.json"]

  @Test func anUndamagedOneOpens() throws {
    try withCheckpoint { damage in
      #expect(try damage.kind() == nil)
      try damage.reseal(files: true)
      #expect(try damage.kind() == nil)
    }
  }

  @Test(arguments: files) func everyFlippedBitIsFound(_ name: String) throws {
    try withCheckpoint { damage in
      let bytes = try damage.bytes(name)
      let random = Random(seed: 77)
      for index in 0..<120 {
        let bit = random.integer(index, below: bytes.count * 8)
        var flipped = bytes
        flipped[bit / 8] ^= 1 << UInt8(bit % 8)
        try damage.write(flipped, to: name)
        let kind = errorKind { () throws(InputError) in try TrainingCheckpoint(opening: damage.path) }
        // A manifest may be no JSON any more, or of another version.
        try #require(name == "training.json" ? kind != nil : kind == .badChecksum, "bit \(bit)")
      }
    }
  }

  @Test(arguments: files) func everyCutIsFound(_ name: String) throws {
    try withCheckpoint { damage in
      let bytes = try damage.bytes(name)
      for count in [0, 1, bytes.count / 3, bytes.count / 2, bytes.count - 1] {
        try damage.write(Array(bytes.prefix(count)), to: name)
        let kind = try damage.kind()
        if name == "training.json" {
          #expect(kind != nil && kind != .notFound, "\(count) bytes")
        } else {
          #expect(kind == .sizeMismatch, "\(count) bytes")
        }
      }
      try damage.write(bytes + [0], to: name)
      #expect(try damage.kind() == (name == "training.json" ? .badJSON : .sizeMismatch))
      try damage.write(Array(repeating: 0, count: bytes.count), to: name)
      #expect(try damage.kind() == (name == "training.json" ? .badJSON : .badChecksum))
    }
  }

  @Test func missingAndForeignFilesAreFound() throws {
    for name in Self.files {
      try withCheckpoint { damage in
        try FileManager.default.removeItem(atPath: "\(damage.path)/\(name)")
        #expect(try damage.kind() == .notFound)
      }
    }
    try withCheckpoint { damage in
      try damage.write([1], to: "notes.txt")
      #expect(try damage.kind() == .inconsistent)
      try FileManager.default.removeItem(atPath: damage.path + "/notes.txt")
      try damage.write([1], to: ".DS_Store")
      #expect(try damage.kind() == nil)
      let (weights, elsewhere) = (damage.path + "/model.safetensors", damage.path + "-elsewhere")
      try FileManager.default.moveItem(atPath: weights, toPath: elsewhere)
      try FileManager.default.createSymbolicLink(atPath: weights, withDestinationPath: elsewhere)
      #expect(try damage.kind() == .pathEscape)
    }
    try withFolder { folder in
      #expect(errorKind { () throws(InputError) in try TrainingCheckpoint(opening: folder) } == .notFound)
      #expect(errorKind { () throws(InputError) in try TrainingCheckpoint(opening: folder + "/a/b") } == .notFound)
    }
  }

  @Test func exchangedFilesAreFound() throws {
    try withCheckpoint { damage in
      let (weights, moments) = (try damage.bytes("model.safetensors"), try damage.bytes("optimizer.safetensors"))
      try damage.write(weights, to: "optimizer.safetensors")
      try damage.write(moments, to: "model.safetensors")
      #expect(try damage.kind() == .sizeMismatch)
      try damage.reseal(files: true)
      #expect(try damage.kind() == .missing)
    }
  }

  // A damaged version is damage, not another version: the checkpoint before may serve.
  @Test func aDamagedVersionIsNoNewerOne() throws {
    try withCheckpoint { damage in
      let text = String(decoding: try damage.bytes("training.json"), as: UTF8.self)
      let other = text.replacingOccurrences(of: "\"version\": 2", with: "\"version\": 3")
      #expect(other != text)
      try damage.write(Array(other.utf8), to: "training.json")
      #expect(try damage.kind() == .badChecksum)
    }
  }

  // A file of the step before, of the same length.
  @Test func staleFilesAreFound() throws {
    try withCheckpoint { damage in
      var run = try TinyRun()
      run.model = smallModel()
      try run.train(0..<1)
      try run.save(to: damage.path + "-older")
      let old = try InputFile.contents(of: damage.path + "-older/optimizer.safetensors", atMost: 1 << 20)
      #expect(old.count == (try damage.bytes("optimizer.safetensors")).count)
      try damage.write(old, to: "optimizer.safetensors")
      #expect(try damage.kind() == .badChecksum)
    }
  }

  private static let wrongFields: [(String, JSONValue?, InputError.Kind)] = [
    ("format", "tar", .unsupported), ("format", 1, .wrongType), ("format", nil, .missing),
    ("version", 0, .badVersion), ("version", 1, .badVersion), ("version", 3, .badVersion), ("version", "1", .wrongType),
    ("version", nil, .missing),
    ("step", -1, .badValue), ("step", .number(0x1p63), .overflow), ("step", .integer(.max), .tooLarge),
    ("step", 1.5, .wrongType), ("step", nil, .missing), ("step", 3, .inconsistent), ("kernels", "avx3", .inconsistent),
    ("kernels", nil, .missing),
    ("processor", "pdp11", .inconsistent), ("processor", 1, .wrongType), ("seed", 3, .wrongType),
    ("seed", "-3", .badValue),
    ("seed", "99999999999999999999", .badValue), ("seed", "4", .inconsistent), ("seed", nil, .missing),
    ("settings", .null, .badChecksum), ("settings", nil, .missing), ("settings_sha256", "0", .badChecksum),
    ("tokenizer_sha256", "0", .inconsistent), ("data_sha256", "0", .inconsistent), ("data_sha256", nil, .missing),
    ("optimizer", .null, .wrongType), ("optimizer", nil, .missing), ("optimizer", ["updates": -1], .badValue),
    ("optimizer", ["updates": 2, "frozen": []], .inconsistent),
    ("optimizer", ["updates": 2, "frozen": ["transformer.wpe.weight"]], .inconsistent),
    ("optimizer", ["updates": 2], .missing),
    ("files", [], .missing), ("files", nil, .missing), ("files", .null, .wrongType), ("files", [1], .wrongType),
    ("files", .array((0..<5000).map { .integer($0) }), .tooLarge),
    ("files", [["name": "../w", "bytes": 1, "sha256": ""]], .pathEscape),
    ("files", [["name": "/etc/passwd", "bytes": 1, "sha256": ""]], .pathEscape),
    ("files", [["name": "w", "bytes": -1, "sha256": ""]], .badValue),
    (
      "files", [["name": "w", "bytes": 1, "sha256": ""], ["name": "w", "bytes": 1, "sha256": ""]], .duplicate
    ),
  ]

  @Test(arguments: wrongFields.indices) func wrongFieldsAreErrors(_ index: Int) throws {
    let (key, value, kind) = Self.wrongFields[index]
    try withCheckpoint { damage in
      try damage.reseal(set(key, value))
      #expect(try damage.kind() == kind, "\(key)")
    }
  }

  // Files with right checksums that no run could have written.
  @Test(arguments: [Float.nan, .infinity, -1]) func impossibleMomentsAreErrors(_ bad: Float) throws {
    try withCheckpoint { damage in
      var bytes = try damage.bytes("optimizer.safetensors")
      withUnsafeBytes(of: bad.bitPattern.littleEndian) {
        bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: $0)
      }
      try damage.write(bytes, to: "optimizer.safetensors")
      try damage.reseal(files: true)
      #expect(try damage.kind() == (bad == -1 ? .badValue : .nonFinite))
    }
  }

  @Test func weightsThatAreNotFiniteAreErrors() throws {
    try withCheckpoint { damage in
      let path = damage.path + "/model.safetensors"
      var model = smallModel()
      model.decoder.finalNorm.weight.withMutableScalars { $0[0] = .nan }
      try saveParameters(of: model, to: path)
      try damage.reseal(files: true)
      #expect(try damage.kind() == .nonFinite)
      try saveParameters(of: smallModel().kept(as: .bfloat16), to: path)
      try damage.reseal(files: true)
      #expect(try damage.kind() == .inconsistent)
      try saveParameters(of: smallModel(), to: path)
      try damage.reseal(files: true)
      #expect(try damage.kind() == nil)
    }
  }

  @Test func hashesAreThoseOfTheStandard() {
    #expect(SHA256.digest(of: []) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(
      SHA256.digest(of: Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    #expect(
      SHA256.digest(of: Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8))
        == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    let bytes = (0..<1000).map { UInt8($0 % 251) }
    // Pieces of any size give the digest of the whole.
    for size in [1, 7, 55, 56, 63, 64, 65, 128, 999] {
      var hash = SHA256()
      for start in stride(from: 0, to: bytes.count, by: size) {
        bytes[start..<min(bytes.count, start + size)].withUnsafeBytes { hash.add($0) }
      }
      #expect(hash.finish() == SHA256.digest(of: bytes))
    }
  }
}
