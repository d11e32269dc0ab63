import Formats
import Foundation
import Models
import Tensor
import TestSupport
import Training

/// A run of a very small model, which is saved after each step.
private struct SmallRun {
  var model: GPT2
  var optimizer = AdamW(beta2: 0.99, weightDecay: 0.1, clippingNorm: 1)
  var recipe = Recipe(seed: 3, settings: [("rate", .number(0.003)), ("rows", 2)], tokenizer: [1], data: [2])

  init(width: Int = 2) {
    var configuration = GPT2.Configuration(
      vocabularySize: 11, contextLength: 8, width: width, layerCount: 1, headCount: 2)
    configuration.hasBiases = false
    model = GPT2(configuration, seed: 3)
  }

  mutating func step() throws {
    let data = try TokenDataset((0..<200).map { ($0 * $0 + $0 / 7) % 11 }, vocabularySize: 11, windowsOf: 8)
    let (tokens, targets) = data.training.batch(rows: 2, random: Random(seed: 3).derived(optimizer.updateCount))
    let (loss, gradient) = valueAndGradient(at: model) { $0.loss(tokens, targets: targets) }
    try optimizer.update(&model, along: gradient, loss: loss, learningRate: 3e-3)
  }

  func save(to path: String) throws(InputError) {
    let folder = try TrainingCheckpoint.folder(replacing: path)
    try model.save(to: folder)
    try TrainingCheckpoint.write(model, optimizer, of: recipe, to: folder)
    try folder.commit()
  }

  /// Goes on from a run's newest whole checkpoint, or from the one at the path itself.
  mutating func resume(_ path: String, newestWhole: Bool = false) throws(InputError) {
    let checkpoint =
      try newestWhole ? TrainingCheckpoint.newestWhole(of: path).checkpoint : TrainingCheckpoint(opening: path)
    try checkpoint.restore(&model, &optimizer, of: recipe)
  }
}

/// The files of the checkpoints after one step and after two.
private let saved: [[String: [UInt8]]] = {
  let path = FileManager.default.temporaryDirectory.appending(path: "run-\(UUID().uuidString)").path
  defer { for end in ["", ".previous"] { try? FileManager.default.removeItem(atPath: path + end) } }
  var (run, result) = (SmallRun(), [[String: [UInt8]]]())
  for _ in 0..<2 {
    guard (try? run.step()) != nil, (try? run.save(to: path)) != nil,
      let names = try? FileManager.default.contentsOfDirectory(atPath: path)
    else { return [[:], [:]] }
    result.append(
      Dictionary(names.map { ($0, Array((try? Data(contentsOf: URL(fileURLWithPath: "\(path)/\($0)"))) ?? Data())) }) {
        first, _ in first
      })
  }
  return result
}()

private let (weights, moments, manifest) = ("model.safetensors", "optimizer.safetensors", "training.json")

/// Writes a checkpoint's files as a folder; returns its path.
private func writeRun(_ files: [String: [UInt8]], _ folder: String, _ name: String = "run") throws -> String {
  let path = "\(folder)/\(name)"
  try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  for (name, bytes) in files { _ = try write(bytes, path, name) }
  return path
}

/// The checkpoint after two steps with other files, or with a folder that is changed further.
private func run(
  _ name: String, _ kinds: InputError.Kind..., newestWhole: Bool = false, width: Int = 2, settings: JSONValue? = nil,
  change: @escaping @Sendable (inout [String: [UInt8]]) throws -> Void = { _ in }, then: @escaping Spoil = { _ in }
) -> HostileCase {
  HostileCase(name, kinds) { folder in
    var files = saved[1]
    try change(&files)
    let path = try writeRun(files, folder)
    try then(path)
    return path
  } open: { path in
    var run = SmallRun(width: width)
    if let settings { run.recipe = Recipe(seed: 3, settings: [("rate", settings)], tokenizer: [1], data: [2]) }
    try run.resume(path, newestWhole: newestWhole)
  }
}

/// A manifest with another member, sealed again as its writer does; the checksums of the files too.
private func resealed(_ files: inout [String: [UInt8]], _ change: (inout [JSONMember]) -> Void = { _ in }) throws {
  guard case .object(var members) = try JSONValue(parsing: files[manifest] ?? []) else { return }
  members.removeAll { $0.key == "sha256" }
  if let place = members.firstIndex(where: { $0.key == "files" }) {
    members[place].value = .array(
      ["config.json", weights, moments].map { name in
        let bytes = files[name] ?? []
        return [
          "name": .string(JSONString(name)), "bytes": .integer(bytes.count),
          "sha256": .string(JSONString(SHA256.digest(of: bytes))),
        ]
      })
  }
  change(&members)
  let seal = SHA256.digest(of: try JSONValue.object(members).encoded())
  files[manifest] = try JSONValue.object(members + [JSONMember("sha256", .string(JSONString(seal)))]).encoded(
    pretty: true)
}

/// A manifest whose member is another.
private func field(_ key: String, _ value: JSONValue, _ kinds: InputError.Kind...) -> HostileCase {
  let text = (try? value.encoded().prefix(60)).map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
  return HostileCase("\(key) \(text)", kinds) { folder in
    var files = saved[1]
    try resealed(&files) { members in
      for index in members.indices where members[index].key == JSONString(key) { members[index].value = value }
    }
    return try writeRun(files, folder)
  } open: { path in
    var run = SmallRun()
    try run.resume(path)
  }
}

/// A member of what the manifest says of the optimizer.
private func optimizer(_ key: JSONString, _ value: JSONValue, _ kinds: InputError.Kind...) -> HostileCase {
  HostileCase("optimizer: \(key.text) \(value)", kinds) { folder in
    var files = saved[1]
    try resealed(&files) { members in
      for index in members.indices where members[index].key == "optimizer" {
        guard case .object(var settings) = members[index].value else { continue }
        for place in settings.indices where settings[place].key == key { settings[place].value = value }
        members[index].value = .object(settings)
      }
    }
    return try writeRun(files, folder)
  } open: { path in
    var run = SmallRun()
    try run.resume(path)
  }
}

/// The last number of a file of tensors is another, and all checksums are right: the second moment of the last parameter.
private func last(_ name: String, _ value: Float, of file: String, _ kinds: InputError.Kind...) -> HostileCase {
  HostileCase(name, kinds) { folder in
    var files = saved[1]
    var bytes = files[file] ?? []
    bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: GGUFBuilder.bytes(value.bitPattern))
    files[file] = bytes
    try resealed(&files)
    return try writeRun(files, folder)
  } open: { path in
    var run = SmallRun()
    try run.resume(path)
  }
}

/// Flips a bit, counted from the file's end.
private func flipped(_ name: String, _ file: String, fromEnd: Int) -> HostileCase {
  run("a bit of \(name)", .badChecksum) { files in
    guard let count = files[file]?.count, count > fromEnd else { throw CocoaError(.fileNoSuchFile) }
    files[file]?[count - 1 - fromEnd] ^= 4
  }
}

/// Saving the third step over the second while the disk refuses the `place`-th time that it is asked for `step`; a place
/// of -1 is the last. The second must be there still, whole.
private func refused(_ name: String, _ code: Int32, _ step: FileStep, _ place: @escaping @Sendable (Int) -> Int)
  -> HostileCase
{
  @Sendable func save(_ path: String, failingAt failing: Int?) throws -> Int {
    let asked = Counter()
    var run = SmallRun()
    try run.resume(path)
    try run.step()
    try FileFaults.$before.withValue({ asks in
      guard asks == step else { return nil }
      return asked.next() == failing ? .errno(code) : nil
    }) { try run.save(to: path) }
    return asked.next()
  }
  return HostileCase(name, .io) { folder in
    try writeRun(saved[1], folder)
  } open: { path in
    let scratch = try writeRun(saved[1], path + "-scratch")
    let failing = place(try save(scratch, failingAt: nil))
    do { _ = try save(path, failingAt: failing) } catch let error as InputError {
      var run = SmallRun()
      try run.resume(path)
      guard run.optimizer.updateCount == 2 else { throw CocoaError(.fileReadCorruptFile) }
      throw error
    }
  }
}

/// Counts what one thread does.
private final class Counter: @unchecked Sendable {
  private var count = 0
  func next() -> Int {
    defer { count += 1 }
    return count
  }
}

private func data(_ name: String, _ ids: [Int], _ kinds: InputError.Kind...) -> HostileCase {
  HostileCase(name, kinds, make: { $0 }) { _ in _ = try TokenDataset(ids, vocabularySize: 11, windowsOf: 8) }
}

let trainingFamilies: [HostileFamily] = [
  HostileFamily(
    "K1", 6,
    [
      run("no manifest", .notFound) { $0[manifest] = nil }, run("an empty manifest", .badJSON) { $0[manifest] = [] },
      run("a cut manifest", .badJSON) { $0[manifest] = $0[manifest]?.dropLast(100) },
      run(
        "a killed writer's folder alone", .notFound,
        then: { path in
          try FileManager.default.moveItem(
            atPath: path, toPath: (path as NSString).deletingLastPathComponent + "/.run.0123456789abcdef.new")
        }),
      run(
        "two of them", .notFound,
        then: { path in
          let folder = (path as NSString).deletingLastPathComponent
          try FileManager.default.moveItem(atPath: path, toPath: folder + "/.run.0123456789abcdef.new")
          _ = try writeRun(saved[0], folder, ".run.fedcba9876543210.new")
        }),
      run(
        "the newest cut, the one before whole", newestWhole: true, change: { $0[weights]?.removeLast() },
        then: { path in
          _ = try writeRun(saved[0], (path as NSString).deletingLastPathComponent, "run.previous")
        }),
    ]),
  HostileFamily(
    "K2", 9,
    [
      flipped("the weights", weights, fromEnd: 5), flipped("the first moments", moments, fromEnd: 700),
      flipped("the second moments", moments, fromEnd: 2),
      run("a digit of the seed", .badChecksum) { files in
        let text = String(decoding: files[manifest] ?? [], as: UTF8.self)
        files[manifest] = Array(text.replacingOccurrences(of: "\"seed\": \"3\"", with: "\"seed\": \"7\"").utf8)
      },
      run("a digit of the step", .badChecksum) { files in
        let text = String(decoding: files[manifest] ?? [], as: UTF8.self)
        files[manifest] = Array(text.replacingOccurrences(of: "\"step\": 2", with: "\"step\": 3").utf8)
      },
      run("two files exchanged", .sizeMismatch, .badChecksum) { files in
        (files[weights], files[moments]) = (files[moments], files[weights])
      },
      run("a file of zeros", .badChecksum) { $0[weights] = [UInt8](repeating: 0, count: $0[weights]?.count ?? 0) },
      run("a stretch of zeros", .badChecksum) { files in
        guard let count = files[moments]?.count else { return }
        files[moments]?.replaceSubrange(count - 512..<count, with: [UInt8](repeating: 0, count: 512))
      },
      run("a stretch of the step before", .badChecksum) { files in
        guard let count = files[moments]?.count, let old = saved[0][moments], old.count == count else { return }
        files[moments]?.replaceSubrange(count - 512..<count, with: old[(count - 512)...])
      },
    ]),
  HostileFamily(
    "K3", 8,
    [
      run("no weights", .notFound) { $0[weights] = nil }, run("a file more", .inconsistent) { $0["notes.txt"] = [1] },
      run("a file of another name", .inconsistent, .notFound) { files in
        files["weights.safetensors"] = files.removeValue(forKey: weights)
      },
      run("moments of the step before", .badChecksum) { $0[moments] = saved[0][moments] },
      run("a byte more", .sizeMismatch) { $0[weights]?.append(0) },
      run("a byte less", .sizeMismatch) { $0[weights]?.removeLast() },
    ],
    without: [
      ("a process's file missing", "one process trains, and writes one set of files"),
      ("four processes' files for two", "one process trains, and writes one set of files"),
    ]),
  HostileFamily(
    "K4", 8,
    [
      field("version", 0, .badVersion), field("version", 3, .badVersion),
      run("another model", .inconsistent, width: 4), run("another setting", .inconsistent, settings: 1),
      field("tokenizer_sha256", "0", .inconsistent), field("data_sha256", "0", .inconsistent),
      run("weights of another type", .inconsistent) { files in
        files[weights] = (files[weights] ?? []).replacing(Array("\"F32\"".utf8), with: Array("\"I32\"".utf8))
        try resealed(&files)
      },
      optimizer("type", "SGD", .inconsistent), optimizer("decayed", ["x"], .inconsistent),
      run("a parameter of another name", .inconsistent, .missing) { files in
        files[weights] = (files[weights] ?? []).replacing(Array("ln_f.weight".utf8), with: Array("ln_g.weight".utf8))
        try resealed(&files)
      },
    ]),
  HostileFamily(
    "K5", 13,
    [
      field("step", -1, .badValue), field("step", .number(0x1p63), .overflow),
      run("a rate that is not a number", .badJSON) { files in
        let text = String(decoding: files[manifest] ?? [], as: UTF8.self)
        files[manifest] = Array(text.replacingOccurrences(of: "0.003", with: "NaN").utf8)
      },
      field("seed", "", .badValue), field("seed", "0", .inconsistent),
      // The place in the data follows from the step, which the optimizer counts too.
      field("step", 1_000_000, .inconsistent), optimizer("updates", -1, .badValue),
      optimizer("beta1", 1, .inconsistent), last("a second moment NaN", .nan, of: moments, .nonFinite),
      last("a second moment infinite", .infinity, of: moments, .nonFinite),
      last("a second moment negative", -1, of: moments, .badValue), last("a weight NaN", .nan, of: weights, .nonFinite),
    ],
    without: [
      ("loss scale 0", "numbers are 32 bits wide in training, so losses are not scaled"),
      ("loss scale infinite", "numbers are 32 bits wide in training, so losses are not scaled"),
      ("epoch -1", "windows are drawn at random by the step's number, so there are no epochs"),
    ]),
  HostileFamily(
    "K6", 6,
    [
      field("files", [["name": "../w", "bytes": 1, "sha256": ""]], .pathEscape),
      field("files", [["name": "/etc/passwd", "bytes": 1, "sha256": ""]], .pathEscape),
      run(
        "a link out of the folder", .pathEscape,
        then: { path in
          let elsewhere = (path as NSString).deletingLastPathComponent + "/elsewhere"
          try FileManager.default.moveItem(atPath: "\(path)/\(weights)", toPath: elsewhere)
          try FileManager.default.createSymbolicLink(atPath: "\(path)/\(weights)", withDestinationPath: elsewhere)
        }),
      field(
        "files", [["name": "w", "bytes": 1, "sha256": ""], ["name": "w", "bytes": 1, "sha256": ""]], .duplicate),
      field("files", .array([JSONValue](repeating: 1, count: 100_000)), .tooLarge),
      run("a key twice", .duplicate) { files in
        files[manifest] = Array("{\"step\": 1,".utf8) + (files[manifest]?.dropFirst() ?? [])
      },
    ]),
  HostileFamily(
    "K7", 9,
    [
      refused("no room for the first byte", ENOSPC, .write) { _ in 0 },
      refused("no room for half", ENOSPC, .write) { $0 / 2 },
      refused("no room for the last byte", ENOSPC, .write) { $0 - 1 },
      refused("a disk that fails when it is flushed", EIO, .sync) { $0 - 1 },
      refused("a place that is read only", EROFS, .makeFolder) { _ in 0 },
      HostileCase("a folder of others", .inconsistent, .io) { folder in
        try writeRun(["notes.txt": [1]], folder)
      } open: { path in
        do throws(InputError) { try SmallRun().save(to: path) } catch {
          guard FileManager.default.fileExists(atPath: path + "/notes.txt") else { throw CocoaError(.fileNoSuchFile) }
          throw error
        }
      },
      HostileCase("the folder removed meanwhile", .io, .notFound) { folder in
        try writeRun(saved[1], folder)
      } open: { path in
        let folder = try TrainingCheckpoint.folder(replacing: path)
        let parent = (path as NSString).deletingLastPathComponent
        for name in try FileManager.default.contentsOfDirectory(atPath: parent) where name.hasSuffix(".new") {
          try FileManager.default.removeItem(atPath: "\(parent)/\(name)")
        }
        let run = SmallRun()
        do throws(InputError) {
          try run.model.save(to: folder)
          try TrainingCheckpoint.write(run.model, run.optimizer, of: run.recipe, to: folder)
          try folder.commit()
        } catch {
          var whole = SmallRun()
          try whole.resume(path)
          throw error
        }
      },
      HostileCase("two writers at once") { folder in
        try writeRun(saved[1], folder)
      } open: { path in
        var runs = [SmallRun(), SmallRun()]
        let folders = [try TrainingCheckpoint.folder(replacing: path), try TrainingCheckpoint.folder(replacing: path)]
        for (index, folder) in folders.enumerated() {
          try runs[index].resume(path)
          for _ in 0...index { try runs[index].step() }
          try runs[index].model.save(to: folder)
          try TrainingCheckpoint.write(runs[index].model, runs[index].optimizer, of: runs[index].recipe, to: folder)
        }
        for folder in folders { try folder.commit() }
        var last = SmallRun()
        try last.resume(path)
        guard last.optimizer.updateCount == 4 else { throw CocoaError(.fileReadCorruptFile) }
      },
    ],
    without: [
      ("over a source that is mapped", "no file is mapped into memory: tensors are read into memory of their own")
    ]),
  HostileFamily(
    "K8", 6,
    [
      data("a token beyond the vocabulary", [Int](repeating: 1, count: 199) + [11], .badValue),
      data("a negative token", [-1] + [Int](repeating: 1, count: 199), .badValue),
      data("no tokens", [], .truncated), data("fewer than a window", [1, 2, 3, 4, 5, 6, 7, 8], .truncated),
    ],
    without: [
      ("wrong magic", "what is trained on is text, which is no file of tokens and begins with anything"),
      ("an odd number of bytes", "what is trained on is text, which is no file of tokens"),
      ("cut while training", "the text is read whole before the first step"),
    ]),
]
