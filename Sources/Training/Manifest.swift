import Formats

/// The list of a checkpoint's files with their sizes and checksums, and what else is needed to go on. It is written after
/// all other files, and carries its own checksum.
struct Manifest {
  static let fileName = "training.json"
  static let formatName = "swift-attention training"
  static let version = 2

  struct File: Equatable {
    let name: String
    let byteCount: Int
    let sha256: String
  }

  /// How many steps were made; the optimizer has counted as many updates.
  var step: Int
  var arithmetic: Arithmetic
  var recipe: Recipe
  var optimizer: JSONValue
  var files: [File]
}

// MARK: - Writing

extension Manifest {
  /// The file's bytes: the members, then the checksum of their compact form.
  func encoded() throws(InputError) -> [UInt8] {
    var members = [
      JSONMember("format", .string(JSONString(Manifest.formatName))), JSONMember("version", .integer(Manifest.version)),
      JSONMember("step", .integer(step)),
    ]
    members += arithmetic.members
    members += try recipe.members()
    members.append(JSONMember("optimizer", optimizer))
    let list: [JSONValue] = files.map {
      [
        "name": .string(JSONString($0.name)), "bytes": .integer($0.byteCount), "sha256": .string(JSONString($0.sha256)),
      ]
    }
    members.append(JSONMember("files", .array(list)))
    return try Manifest.sealed(members).encoded(pretty: true)
  }

  private static func sealed(_ members: [JSONMember]) throws(InputError) -> JSONValue {
    let seal = SHA256.digest(of: try JSONValue.object(members).encoded())
    return .object(members + [JSONMember("sha256", .string(JSONString(seal)))])
  }
}

// MARK: - Reading

extension Manifest {
  /// Reads and validates a manifest; the files that it lists are not looked at.
  ///
  /// - Throws: what parsing throws; `unsupported` for another kind of file; `badChecksum` when a byte differs from what was
  ///   written; `badVersion`; `missing`, `wrongType`, `badValue`, `pathEscape`, `duplicate`, `tooLarge` for fields.
  init(parsing bytes: [UInt8]) throws(InputError) {
    let value = try JSONValue(parsing: bytes)
    let json = JSONField(value)
    let format = try json.required("format")
    guard try format.string() == Manifest.formatName else {
      throw format.error(.unsupported, "is not \"\(Manifest.formatName)\"")
    }
    // Compared as written, not as understood: a flipped bit in white space counts too. Every version is sealed like this,
    // so that a damaged version is not taken for a newer one.
    guard case .object(let members) = value,
      try Manifest.sealed(members.filter { $0.key != "sha256" }).encoded(pretty: true) == bytes
    else {
      throw InputError(.badChecksum, "was changed since it was written", advice: "Use another checkpoint.")
    }
    let version = try json.required("version")
    guard try version.int() == Manifest.version else {
      throw version.error(
        .badVersion, "is \(try version.int()), but only \(Manifest.version) is known",
        advice: "Go on with the version of the program that wrote it.")
    }
    step = try json.required("step").int(in: 0...1 << 53)
    arithmetic = try Arithmetic(json)
    recipe = try Recipe(json)
    optimizer = try json.required("optimizer").value(atMost: 1 << 20)
    files = []
    var seen: Set<JSONString> = []
    for entry in try json.required("files").array(atMost: 4096) {
      let name = try entry.required("name")
      do throws(InputError) { try checkPlainFileName(try name.string()) } catch { throw error.inside(name.path) }
      guard seen.insert(try name.jsonString()).inserted else { throw name.error(.duplicate, "stands there twice") }
      files.append(
        File(
          name: try name.string(), byteCount: try entry.required("bytes").int(in: 0 ... .max),
          sha256: try entry.required("sha256").string()))
    }
  }

  /// Compares the files of a folder with the list.
  ///
  /// - Throws: `notFound`, `sizeMismatch`, `badChecksum`, `pathEscape` for a link, `inconsistent` for a file that the list
  ///   does not have; the place is the file.
  func verify(folder: String) throws(InputError) {
    let listed = Set(files.map { JSONString($0.name) })
    for name in try names(inFolder: folder) where name != Manifest.fileName && !name.hasPrefix(".") {
      guard listed.contains(JSONString(name)) else {
        throw InputError(
          .inconsistent, "is no part of the checkpoint", at: "\(folder)/\(name)",
          advice: "Move it away; the folder is replaced as a whole.")
      }
    }
    for file in files {
      let path = "\(folder)/\(file.name)"
      guard try fileKind(path, followingLinks: false) != .link else {
        throw InputError(.pathEscape, "is a symbolic link", at: path)
      }
      let found = try File(file.name, at: path)
      guard found.byteCount == file.byteCount else {
        throw InputError(
          .sizeMismatch, "has \(found.byteCount) bytes, not the \(file.byteCount) that were written", at: path,
          advice: "It is damaged: use another checkpoint.")
      }
      guard found.sha256 == file.sha256 else {
        throw InputError(
          .badChecksum, "was changed since it was written", at: path,
          advice: "It is damaged: use another checkpoint.")
      }
    }
  }
}

extension Manifest.File {
  /// The size and the checksum of a file as it is now.
  init(_ name: String, at path: String) throws(InputError) {
    let file = try InputFile(opening: path)
    var hash = SHA256()
    var buffer = [UInt8](repeating: 0, count: min(file.byteCount, 1 << 20))
    var offset = 0
    while offset < file.byteCount {
      let count = min(buffer.count, file.byteCount - offset)
      try buffer.withUnsafeMutableBufferPointer { (whole) throws(InputError) in
        let piece = UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: whole.prefix(count)))
        try file.read(at: offset, into: piece)
        hash.add(UnsafeRawBufferPointer(piece))
      }
      offset += count
    }
    (self.name, byteCount, sha256) = (name, file.byteCount, hash.finish())
  }
}
