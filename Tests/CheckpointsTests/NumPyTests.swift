import Checkpoints
import Formats
import Foundation
import Tensor
import TestSupport
import Testing

/// Files that numpy wrote; Scripts/format_fixtures.py writes them.
private func fixture(_ name: String) -> String {
  URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Fixtures/Formats/numpy/\(name)").path
}

/// Element i of every array.
private func counted(_ count: Int) -> [Float] { (0..<count).map { Float($0 * 3 - 7) } }

@Suite struct NumPyTests {
  @Test(arguments: ["stored.npz", "deflated.npz"]) func archives(_ name: String) throws {
    let checkpoint = try NumPyCheckpoint(at: fixture(name))
    #expect(checkpoint.tensors.count == 17)
    func tensor(_ name: String) throws -> NumPyArray { try #require(checkpoint.tensor(named: "layer.\(name)")) }
    #expect(try tensor("f4").read().scalars == counted(12))
    #expect(try tensor("f4").shape == [3, 4])
    let half = try tensor("f2").read()
    #expect(half.format == .float16 && half.scalars == counted(12))
    func bytes<N: FixedWidthInteger>(_: N.Type) -> [UInt8] {
      (0..<12).flatMap { index in GGUFBuilder.bytes(N(truncatingIfNeeded: index * 3 - 7)) }
    }
    let doubles = (0..<12).map { Double($0 * 3 - 7) }, zero: [UInt8] = [0, 0, 0, 0]
    let complex = doubles.flatMap { GGUFBuilder.bytes(Float($0).bitPattern) + zero }
    var integers: [String: [UInt8]] = ["f8": doubles.flatMap { GGUFBuilder.bytes($0.bitPattern) }, "c8": complex]
    (integers["u1"], integers["i1"]) = (bytes(UInt8.self), bytes(Int8.self))
    (integers["u2"], integers["i2"]) = (bytes(UInt16.self), bytes(Int16.self))
    (integers["u4"], integers["i4"]) = (bytes(UInt32.self), bytes(Int32.self))
    (integers["u8"], integers["i8"]) = (bytes(UInt64.self), bytes(Int64.self))
    for (name, expected) in integers {
      let array = try tensor(name)
      #expect(try array.bytes(0..<array.byteCount) == expected, "\(name)")
      #expect(try array.bytes(5..<9) == Array(expected[5..<9]), "\(name)")
      #expect(errorKind { () throws(InputError) in try array.read() } == .unsupported)
    }
    #expect(try tensor("b1").bytes(0..<3) == [1, 0, 1])
    #expect(try #require(checkpoint.tensor(named: "scalar")).read().scalar == -7)
    #expect(try #require(checkpoint.tensor(named: "empty")).read().shape == Shape(0, 5))
    #expect(try #require(checkpoint.tensor(named: "cube")).read().scalars == counted(24))
    let long = try #require(checkpoint.tensor(named: "long")).read().scalars
    // Python's remainder is never negative.
    let digits = (0..<2000).map { index in Float((index * 3 + 3) % 10) }
    #expect(long == digits)
  }

  @Test func singleArrays() throws {
    for name in ["array.npy", "version2.npy"] {
      let array = try NumPyArray(opening: fixture(name))
      #expect(array.shape == [2, 3])
      #expect(try array.read().scalars == counted(6))
    }
    #expect(try NumPyArray(opening: fixture("column.npy")).read().scalars == counted(3))
    for (name, kind) in [
      ("big.npy", .unsupported), ("objects.npy", .unsupported),
      ("records.npy", .unsupported), ("text.npy", .unknownDType),
    ] as [(String, InputError.Kind)] {
      #expect(errorKind { () throws(InputError) in try NumPyArray(opening: fixture(name)) } == kind, "\(name)")
    }
  }

  /// What lies column by column is read row by row, also in parts that begin and end within an element.
  @Test func columnsAreReadAsRows() throws {
    #expect(try NumPyArray(opening: fixture("fortran.npy")).read().scalars == counted(6))
    try withFolder { (folder) throws in
      let header = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 4), }"
      var bytes = [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count), 0] + Array(header.utf8)
      // Element (i, j, k) is 100 i + 10 j + k.
      func value(_ i: Int, _ j: Int, _ k: Int) -> UInt16 { UInt16(1000 + 100 * i + 10 * j + k) }
      func little(_ value: UInt16) -> [UInt8] { [UInt8(value & 255), UInt8(value >> 8)] }
      for k in 0..<4 { for j in 0..<3 { for i in 0..<2 { bytes += little(value(i, j, k)) } } }
      var expected: [UInt8] = []
      for i in 0..<2 { for j in 0..<3 { for k in 0..<4 { expected += little(value(i, j, k)) } } }
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/x.npy"))
      let array = try NumPyArray(opening: folder + "/x.npy")
      #expect(array.shape == [2, 3, 4])
      for part in [0..<48, 0..<0, 0..<1, 7..<8, 5..<31, 24..<48, 48..<48] {
        #expect(try array.bytes(part) == Array(expected[part]), "\(part)")
      }
      try Data(bytes.dropLast()).write(to: URL(fileURLWithPath: folder + "/x.npy"))
      #expect(
        errorKind { () throws(InputError) in try NumPyArray(opening: folder + "/x.npy") } == .sizeMismatch)
    }
  }

  @Test func headersAreStrict() throws {
    try withFolder { (folder) throws in
      func kind(_ header: String, version: UInt8 = 1, data: Int = 4, length: Int? = nil) throws -> InputError.Kind? {
        let count = length ?? header.utf8.count
        let bytes =
          [0x93] + Array("NUMPY".utf8) + [version, 0, UInt8(count & 255), UInt8(count >> 8)] + Array(header.utf8)
        try Data(bytes + [UInt8](repeating: 0, count: data)).write(to: URL(fileURLWithPath: folder + "/x.npy"))
        return errorKind { () throws(InputError) in try NumPyArray(opening: folder + "/x.npy") }
      }
      func shape(_ text: String) -> String { "{'descr': '<f4', 'fortran_order': False, 'shape': \(text)}" }
      #expect(try kind(shape("(1,)")) == nil)
      #expect(try kind(shape("(1,)") + ", ") == .badValue)
      #expect(try kind(" { \"descr\" : '<f4' ,'shape':(1 , 1),'fortran_order':True, } \n") == nil)
      for (text, expected) in [
        ("(1)", .wrongType), ("[1]", .badValue), ("1", .badValue), ("(-1,)", .wrongType), ("(1.5,)", .wrongType),
        ("('1',)", .wrongType), ("(9223372036854775808,)", .overflow), ("(4294967296, 4294967296)", .overflow),
        ("(4611686018427387904, 4, 0)", .overflow), ("(2,)", .sizeMismatch), ("(0,)", .sizeMismatch),
        ("(1,", .wrongType),
        ("(" + String(repeating: "1,", count: 65) + ")", .tooLarge), ("None", .badValue), ("(,)", .wrongType),
      ] as [(String, InputError.Kind)] { #expect(try kind(shape(text)) == expected, "\(text)") }
      for order in ["|", "<", ">", "="] {
        let text = "{'descr': '\(order)u1', 'fortran_order': False, 'shape': (4L,)}"
        #expect(try kind(text) == nil, "\(order): one byte has no order")
      }
      for name in ["<<u1", "|f4", ">f4", "<", "<c16"] {
        #expect(try kind("{'descr': '\(name)', 'fortran_order': False, 'shape': (1,)}") != nil, "\(name)")
      }
      #expect(try kind("{'descr': '<f4', 'fortran_order': False}") == .missing)
      #expect(try kind("{'descr': '<f4', 'shape': (1,)}") == .missing)
      #expect(try kind("{'shape': (1,), 'fortran_order': False}") == .missing)
      #expect(try kind(shape("(1,), 'x': 1")) == .badValue)
      #expect(try kind(shape("(1,), 'shape': (1,)")) == .duplicate)
      #expect(try kind("{'descr': '<f4\\x00', 'fortran_order': False, 'shape': (1,)}") == .badValue)
      #expect(try kind("{'descr': 4, 'fortran_order': False, 'shape': (1,)}") == .unsupported)
      #expect(try kind("{'descr': '<f4', 'fortran_order': 0, 'shape': (1,)}") == .wrongType)
      #expect(try [kind(""), kind("[]"), kind("{'descr")] == [.truncated, .badValue, .truncated])
      #expect(try [kind(shape("(1,)"), version: 4), kind(shape("(1,)"), version: 0)] == [.badVersion, .badVersion])
      #expect(try [kind(shape("(1,)"), data: 3), kind(shape("(1,)"), data: 5)] == [.sizeMismatch, .sizeMismatch])
      #expect(try kind(shape("(1,)"), length: 9999) == .truncated)
    }
  }

  @Test func damagedArchives() throws {
    try withFolder { (folder) throws in
      func kind(_ bytes: [UInt8]) throws -> InputError.Kind? {
        try Data(bytes).write(to: URL(fileURLWithPath: folder + "/x.npz"))
        return errorKind { () throws(InputError) in
          for tensor in try NumPyCheckpoint(at: folder + "/x.npz").tensors {
            _ = try tensor.bytes(0..<tensor.byteCount)
          }
        }
      }
      for name in ["stored.npz", "deflated.npz"] {
        let whole = Array(try Data(contentsOf: URL(fileURLWithPath: fixture(name))))
        #expect(try kind(whole) == nil)
        for end in stride(from: 0, to: whole.count, by: 97) { #expect(try kind(Array(whole[..<end])) != nil, "\(end)") }
        #expect(try kind(whole + [0]) != nil)
        #expect(try kind([0] + whole) != nil)
        // A byte of an array: what the checksum is for.
        var damaged = whole
        damaged[whole.count / 3] ^= 1
        #expect(try kind(damaged) != nil)
      }
      for name in ["data.pkl", "readme.txt", "folder/"] {
        var zip = try ZipWriter(replacing: folder + "/x.npz")
        try zip.add(JSONString(name)) { (sink) throws(InputError) in }
        try zip.commit()
        let error = try #require(throws: InputError.self) { try NumPyCheckpoint(at: folder + "/x.npz") }
        #expect(error.kind == .unsupported)
        #expect(error.advice.contains("torch.load") == (name == "data.pkl"), "\(error)")
        #expect(error.what.contains("pickle") == (name == "data.pkl"), "\(error)")
      }
    }
  }

  /// Whatever else is wrong with it, what is no array says how to convert it: archives of PyTorch hold more than files.
  @Test(arguments: ["model.bin", "model.npz", "model.pt", "model.pkl"]) func pickles(_ name: String) throws {
    let inner = Array("model/data.pkl".utf8)
    let archive =
      [0x50, 0x4B, 3, 4] + [UInt8](repeating: 0, count: 22) + [UInt8(inner.count), 0, 0, 0] + inner + [1, 2, 3]
    try withFolder { (folder) throws in
      let path = "\(folder)/\(name)"
      try Data(name.hasSuffix("pkl") ? Array("(dp0".utf8) : archive).write(to: URL(fileURLWithPath: path))
      let error = try #require(throws: InputError.self) { try openCheckpoint(at: path) }
      #expect(error.kind == .unsupported && error.place == path && error.advice.contains("torch.load"))
    }
  }

  @Test(arguments: CheckpointFormat.allCases) func conversions(_ target: CheckpointFormat) throws {
    try withFolder { (folder) throws in
      let source = try NumPyCheckpoint(at: fixture("deflated.npz"))
      let path = "\(folder)/x.\(target.rawValue)"
      try convert(source, to: path, target)
      let found = try openCheckpoint(at: path)
      #expect(try differencesOf(source, found).isEmpty)
      // The same again gives the same bytes.
      let first = try Data(contentsOf: URL(fileURLWithPath: path))
      try convert(source, to: path, target)
      #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == first)
      try convert(source, to: path, target, as: .float16)
      let half = try openCheckpoint(at: path)
      let changed = try differencesOf(source, half)
      #expect(changed.isEmpty)  // small whole numbers are exact in half precision
      let blocks = try GGUFCheckpoint(at: fixture("../blocks.gguf"))
      try convert(blocks, to: path, target)
      #expect(try differencesOf(blocks, try openCheckpoint(at: path)).isEmpty)
      if target == .npz {
        #expect(
          errorKind { () throws(InputError) in try convert(source, to: path, target, as: .bfloat16) } == .unsupported)
      }
    }
  }

  /// Also a name that is empty, and more axes than a tensor has here.
  @Test(arguments: CheckpointFormat.allCases) func everyNameAndShapeIsConverted(_ target: CheckpointFormat) throws {
    try withFolder { (folder) throws in
      let tensors = [("", [2]), ("a.npy", [1, 2]), ("é/é", [2, 1, 1, 1, 1, 1, 1, 1, 1])].map { name, shape in
        SafetensorsTensor(name: JSONString(name), dtype: .float32, shape: shape)
      }
      let path = folder + "/x.safetensors", output = "\(folder)/y.\(target.rawValue)"
      try SafetensorsWriter.write(tensors, to: path) { (index, sink) throws(InputError) in
        try sink.write((0..<8).map { UInt8(index * 8 + $0) })
      }
      let source = try SafetensorsCheckpoint(at: path)
      for format in [nil, StorageFormat.float32] {
        try convert(source, to: output, target, as: format)
        let found = try openCheckpoint(at: output)
        #expect(found.tensors.count == 3)
        #expect(try differencesOf(source, found).isEmpty)
      }
    }
  }

  @Test func typesThatNumPyLacksAreNamed() throws {
    try withFolder { (folder) throws in
      let path = folder + "/x.safetensors", output = folder + "/y.npz"
      let tensor = SafetensorsTensor(name: "scale", dtype: .float8E8M0, shape: [1])
      try SafetensorsWriter.write([tensor], to: path) { (_, sink) throws(InputError) in try sink.write([1]) }
      let error = try #require(throws: InputError.self) {
        try convert(try SafetensorsCheckpoint(at: path), to: output, .npz)
      }
      #expect(error.kind == .unsupported && error.what.contains("F8_E8M0") && !error.advice.isEmpty)
      #expect(error.place == "\(output): \"scale\"")
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["x.safetensors"])
    }
  }

  /// A file that is read is not replaced by what is made of it, by whatever way it is named.
  @Test func sourcesAreNotReplaced() throws {
    try withFolder { (folder) throws in
      let files = FileManager.default
      func path(_ name: String) -> String { "\(folder)/\(name)" }
      try files.createDirectory(atPath: path("model"), withIntermediateDirectories: false)
      try saveTensors([("a", Tensor([1, 2, 3]))], to: path("model/one.safetensors"))
      try saveTensors([("b", Tensor([4]))], to: path("model/two.safetensors"))
      let index = #"{"weight_map": {"a": "one.safetensors", "b": "two.safetensors"}}"#
      try Data(index.utf8).write(to: URL(fileURLWithPath: path("model/model.safetensors.index.json")))
      try files.createSymbolicLink(atPath: path("link"), withDestinationPath: "model")
      try files.createSymbolicLink(atPath: path("one.safetensors"), withDestinationPath: "model/one.safetensors")
      let source = try SafetensorsCheckpoint(at: path("model"))
      for target in ["model/one.safetensors", "link/two.safetensors", "one.safetensors", "link/../one.safetensors"] {
        let error = try #require(throws: InputError.self) {
          try convert(source, to: path(target), .safetensors, as: .float16)
        }
        #expect(error.kind == .badValue && error.place == path(target))
      }
      #expect(try differencesOf(source, try SafetensorsCheckpoint(at: path("link"))).isEmpty)
      try convert(source, to: path("model/model.safetensors"), .safetensors)
      #expect(try differencesOf(source, try SafetensorsCheckpoint(at: path("model"))).isEmpty)
    }
  }

  @Test func freeTextIsCarried() throws {
    try withFolder { (folder) throws in
      let path = folder + "/x.safetensors"
      for (metadata, expected) in [
        ([], ["format": "pt"]), ([("license", "é\n")], ["format": "pt", "license": "é\n"]),
        ([("format", "mlx"), ("author", "")], ["format": "mlx", "author": ""]),
      ] as [([(key: String, value: String)], [String: String])] {
        try SafetensorsWriter.write([], metadata: metadata, to: path) { (_, _) throws(InputError) in }
        try convert(try SafetensorsCheckpoint(at: path), to: folder + "/y.safetensors", .safetensors)
        let found = try SafetensorsCheckpoint(at: folder + "/y.safetensors").metadata
        #expect(found.count == expected.count && Dictionary(uniqueKeysWithValues: found) == expected)
      }
    }
  }

  private func differencesOf(_ a: some Checkpoint, _ b: some Checkpoint) throws -> [(
    name: JSONString, difference: TensorDifference
  )] {
    try differences(between: a, and: b)
  }

  @Test func differencesAreNamed() throws {
    try withFolder { (folder) throws in
      func write(_ name: String, _ tensors: [(name: String, value: Tensor)]) throws -> SafetensorsCheckpoint {
        try saveTensors(tensors, to: folder + "/" + name)
        return try SafetensorsCheckpoint(at: folder + "/" + name)
      }
      let a = try write(
        "a",
        [
          ("same", Tensor([1, 2, .nan])), ("kept", Tensor([1, 2]).kept(as: .bfloat16)), ("value", Tensor([1, 2, 3])),
          ("shape", Tensor([1])), ("first", Tensor([1])), ("nan", Tensor([1])),
        ])
      let b = try write(
        "b",
        [
          ("same", Tensor([1, 2, .nan])), ("kept", Tensor([1, 2])), ("value", Tensor([1, 2.5, 3.25])),
          ("shape", Tensor([1, 1])), ("second", Tensor([1])), ("nan", Tensor([.nan])),
        ])
      let found = try differences(between: a, and: b)
      #expect(found.map(\.name) == ["first", "nan", "second", "shape", "value"])
      #expect(found[0].difference == .onlyInFirst && found[2].difference == .onlyInSecond)
      #expect(found[3].difference == .shapes([1], [2]))
      #expect(found[4].difference == .numbers(differing: 2, count: 3, largest: 0.5))
      if case .numbers(1, 1, let largest) = found[1].difference {
        #expect(largest.isNaN)
      } else {
        Issue.record("\(found[1])")
      }
    }
  }
}
