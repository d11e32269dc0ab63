import Formats
import Foundation
import Testing

@Suite struct AtomicDirectories {
  static let old = ["a": "old a", "b": "old b"]
  static let new = ["a": "new a", "b": "new b", "c": "new c"]

  static func write(
    _ files: [String: String], _ path: String, discardingOthers: Bool = false, keepingReplaced: Bool = false
  ) throws {
    let folder = try AtomicDirectory(
      replacing: path, discardingOthers: discardingOthers, keepingReplaced: keepingReplaced)
    for (name, text) in files.sorted(by: { $0.key < $1.key }) { try folder.write(Array(text.utf8), to: name) }
    try folder.commit()
  }

  static func content(_ path: String) throws -> [String: String] {
    var files: [String: String] = [:]
    for name in try names(inFolder: path) {
      files[name] = String(decoding: try InputFile.contents(of: "\(path)/\(name)", atMost: 100), as: UTF8.self)
    }
    return files
  }

  @Test func `a folder is created and replaced`() throws {
    try withFolder { parent in
      let path = parent + "/model"
      try Self.write(Self.old, path)
      #expect(try Self.content(path) == Self.old)
      try Self.write(Self.new, path + "/")
      #expect(try Self.content(path) == Self.new)
      #expect(try names(inFolder: parent) == ["model"])
    }
  }

  @Test(arguments: [true, false])
  func `a disk that fails at any one step leaves a whole folder`(replaces: Bool) throws {
    var thrown = 0
    for failing in 0... {
      let isDone = try withFolder { parent in
        let path = parent + "/model"
        if replaces { try Self.write(Self.old, path) }
        let disk = FailingDisk { index, _ in index == failing ? .errno(ENOSPC) : nil }
        let result = Result { try disk.during { try Self.write(Self.new, path) } }
        let isThere = try fileKind(path) != nil
        let content = isThere ? try Self.content(path) : [:]
        switch result {
        case .success: #expect(content == Self.new, "step \(failing)")
        case .failure(let error):
          thrown += 1
          let error = try #require(error as? InputError)
          #expect(error.kind == .io && error.place.hasPrefix(path), "step \(failing): \(error)")
          let isInPlace = error.what.hasPrefix("is in place")
          #expect(content == (isInPlace ? Self.new : replaces ? Self.old : [:]), "step \(failing): \(error)")
          #expect(isThere == (isInPlace || replaces))
          #expect(try isInPlace || names(inFolder: parent) == (replaces ? ["model"] : []), "step \(failing)")
        }
        try AtomicDirectory.recover(path)
        #expect(try names(inFolder: parent) == (isThere ? ["model"] : []), "step \(failing)")
        #expect(try !isThere || Self.content(path) == content)
        return disk.steps.count <= failing
      }
      if isDone { break }
    }
    // Three files of five steps each, and the folder's own.
    #expect(thrown >= 20)
  }

  @Test func `a process killed at any step leaves a whole folder, if need be after recovery`() throws {
    var absent = 0
    var outcomes: Set<[String: String]> = []
    for crash in 0... {
      let isDone = try withFolder { parent in
        let path = parent + "/model"
        try Self.write(Self.old, path)
        let disk = FailingDisk { index, _ in index >= crash ? .errno(EIO) : nil }
        disk.during { try? Self.write(Self.new, path) }
        if try fileKind(path) == nil { absent += 1 }
        try AtomicDirectory.recover(path)
        let content = try Self.content(path)
        outcomes.insert(content)
        #expect(content == Self.old || content == Self.new, "step \(crash): \(content)")
        #expect(try names(inFolder: parent) == ["model"], "step \(crash)")
        return disk.steps.count <= crash
      }
      if isDone { break }
    }
    #expect(outcomes == [Self.old, Self.new])
    // The one moment between the two renames.
    #expect(absent == 1)
  }

  static let older = ["a": "older a"]

  @Test func `a replaced folder is kept where that is asked for`() throws {
    try withFolder { parent in
      let path = parent + "/model"
      for (round, files) in [Self.older, Self.old, Self.new].enumerated() {
        try Self.write(files, path, keepingReplaced: true)
        #expect(try Self.content(path) == files)
        #expect(try names(inFolder: parent) == (round == 0 ? ["model"] : ["model", "model.previous"]))
      }
      #expect(try AtomicDirectory.previousPath(of: path + "/") == path + ".previous")
      #expect(try Self.content(path + ".previous") == Self.old)
      // What somebody put there is not lost.
      try AtomicFile.write([1], to: path + ".previous/notes")
      let error = try #require(throws: InputError.self) { try Self.write(Self.new, path, keepingReplaced: true) }
      #expect(error.kind == .inconsistent && error.what.contains("\"notes\"") && error.place.hasSuffix(".previous"))
      #expect(try Self.content(path) == Self.new)
      #expect(try names(inFolder: parent) == ["model", "model.previous"])
      // Without keeping, the one before stays as it is.
      try Self.write(Self.new, path)
      #expect(try names(inFolder: path + ".previous") == ["a", "b", "notes"])
    }
  }

  @Test func `a process killed at any step leaves two whole folders, if need be after recovery`() throws {
    var outcomes: Set<[[String: String]]> = []
    for crash in 0... {
      let isDone = try withFolder { parent in
        let path = parent + "/model"
        try Self.write(Self.older, path)
        try Self.write(Self.old, path, keepingReplaced: true)
        let disk = FailingDisk { index, _ in index >= crash ? .errno(EIO) : nil }
        disk.during { try? Self.write(Self.new, path, keepingReplaced: true) }
        try AtomicDirectory.recover(path)
        #expect(try names(inFolder: parent) == ["model", "model.previous"], "step \(crash)")
        outcomes.insert([try Self.content(path), try Self.content(path + ".previous")])
        return disk.steps.count <= crash
      }
      if isDone { break }
    }
    #expect(outcomes == [[Self.old, Self.older], [Self.new, Self.old]])
  }

  @Test func `a reader brings back a folder that a killed writer moved aside, and touches nothing else`() throws {
    try withFolder { parent in
      let token = ".m.0123456789abcdef"
      mkdir("\(parent)/\(token).old", 0o700)
      mkdir("\(parent)/m", 0o700)
      try AtomicDirectory.recoverIfAbsent(parent + "/m")
      #expect(try names(inFolder: parent) == [token + ".old", "m"])
      rmdir(parent + "/m")
      try AtomicDirectory.recoverIfAbsent(parent + "/m/")
      #expect(try names(inFolder: parent) == ["m"])
      for path in ["/", ".", "..", "", parent + "/none/x", parent + "/none"] {
        #expect(throws: Never.self, "\(path)") { try AtomicDirectory.recoverIfAbsent(path) }
      }
    }
  }

  @Test func `a reader of a file brings back the folder that it lies in`() throws {
    try withFolder { parent in
      let token = ".m.0123456789abcdef"
      for path in ["m/a", "m/sub/a", "m/absent", "m/sub/absent/a"] {
        try Self.write(["a": "1", "sub/a": "2"], "\(parent)/\(token).old")
        try AtomicDirectory.recoverIfAbsent("\(parent)/\(path)")
        #expect(try names(inFolder: parent) == ["m"], "\(path)")
        #expect(try names(inFolder: parent + "/m") == ["a", "sub"], "\(path)")
        try FileManager.default.removeItem(atPath: parent + "/m")
      }
    }
  }

  @Test func `recovery follows the table`() throws {
    func recovered(_ folders: [String: [String: String]]) throws -> [String: String]? {
      try withFolder { parent in
        for (name, files) in folders {
          mkdir("\(parent)/\(name)", 0o700)
          for (file, text) in files { try AtomicFile.write(Array(text.utf8), to: "\(parent)/\(name)/\(file)") }
        }
        try AtomicDirectory.recover(parent + "/m")
        let rest = try names(inFolder: parent)
        #expect(rest == ["m"] || rest == [] || rest == ["m", "m.previous"])
        if rest.count == 2 { #expect(try Self.content(parent + "/m.previous") == Self.old) }
        return rest.first == "m" ? try Self.content(parent + "/m") : nil
      }
    }
    let token = ".m.0123456789abcdef"
    #expect(try recovered(["m": Self.old, "\(token).new": ["a": "unfinished"]]) == Self.old)
    #expect(try recovered(["\(token).new": ["a": "unfinished"]]) == nil)
    #expect(try recovered(["\(token).old": Self.old, "\(token).new": Self.new]) == Self.new)
    #expect(try recovered(["m": Self.new, "\(token).old": Self.old]) == Self.new)
    #expect(try recovered(["\(token).old": Self.old]) == Self.old)
    #expect(try recovered(["\(token).kept": Self.old]) == Self.old)
    #expect(try recovered(["\(token).kept": Self.old, "\(token).new": Self.new]) == Self.new)
    #expect(try recovered(["m": Self.new, "\(token).kept": Self.old, "m.previous": Self.older]) == Self.new)
    #expect(try recovered(["m": Self.new, "\(token).kept": Self.old, "\(token).gone": Self.older]) == Self.new)
    #expect(try recovered(["\(token).gone": ["a": "half removed"]]) == nil)
    #expect(try recovered(["m": Self.new, "\(token).gone": ["a": "half removed"]]) == Self.new)
  }

  @Test func `an uncommitted folder vanishes, and a living writer is left alone`() throws {
    try withFolder { parent in
      let path = parent + "/model"
      try Self.write(Self.old, path)
      do {
        let first = try AtomicDirectory(replacing: path)
        try first.write([1], to: "a")
        try AtomicDirectory.recover(path)
        #expect(try names(inFolder: parent).count == 2)
        try Self.write(Self.new, path)
        #expect(try Self.content(path) == Self.new)
      }
      #expect(try names(inFolder: parent) == ["model"])
      #expect(try Self.content(path) == Self.new)
    }
  }

  /// What the new folder supersedes has no successor in the one that becomes the older.
  @Test func `the older folder loses nothing to what the new one supersedes`() throws {
    try withFolder { parent in
      let path = parent + "/m"
      func commit(_ names: [String]) throws(InputError) {
        let folder = try AtomicDirectory(replacing: path, keepingReplaced: true)
        for name in names { try folder.write([1], to: name) }
        folder.supersede { $0.hasPrefix("w") }
        try folder.commit()
      }
      try commit(["a", "w1"])
      try commit(["a", "w2"])
      try commit(["a", "w3"])
      #expect(try names(inFolder: path + ".previous") == ["a", "w2"])
      #expect(errorKind { () throws(InputError) in try commit(["a"]) } == .inconsistent)
      try FileManager.default.removeItem(atPath: path + "/w3")
      #expect(errorKind { () throws(InputError) in try commit(["a", "w4"]) } == .inconsistent)
      #expect(try names(inFolder: path + ".previous") == ["a", "w2"])
    }
  }

  @Test func `what a commit would lose is known before anything is written`() throws {
    try withFolder { parent in
      let path = parent + "/m"
      /// Whether a commit of these files is refused, in advance and then.
      func refusals(
        _ names: [String], keepingReplaced: Bool = false, discardingOthers: Bool = false
      ) throws -> [String] {
        let folder = try AtomicDirectory(
          replacing: path, discardingOthers: discardingOthers, keepingReplaced: keepingReplaced)
        var found: [String] = []
        func attempt(_ body: () throws(InputError) -> Void) {
          do throws(InputError) { try body() } catch { found.append("\(error)") }
        }
        attempt { () throws(InputError) in try folder.check(writing: names, superseding: { $0.hasPrefix("w") }) }
        for name in names { try folder.write([1], to: name) }
        folder.supersede { $0.hasPrefix("w") }
        attempt { () throws(InputError) in try folder.commit() }
        #expect(found.isEmpty || found.count == 2 && found[0] == found[1], "\(found)")
        return found
      }
      #expect(try refusals(["a"]).isEmpty)
      #expect(try refusals(["b"]).first?.contains("\"a\"") == true)
      #expect(try refusals(["a", "w1", "sub/x"]).isEmpty)
      #expect(try refusals(["a", "w2"]).first?.contains("\"sub\"") == true)
      #expect(try refusals(["a", "w2", "sub/y"]).first?.contains("\"sub/x\"") == true)
      #expect(try refusals(["a", "sub/x"]).first?.contains("\"w1\"") == true)
      #expect(try refusals(["a", "w2", "sub/x"], keepingReplaced: true).isEmpty)
      #expect(try refusals(["b"], discardingOthers: true).isEmpty)
      // What is kept would not take the older one's place.
      let kept = try refusals(["b"], keepingReplaced: true)
      #expect(kept.first?.contains("m.previous") == true && kept.first?.contains("\"w1\"") == true)
    }
  }

  @Test func `files without a successor are not lost unless it is asked for`() throws {
    try withFolder { parent in
      let path = parent + "/model"
      try Self.write(Self.new, path)
      let error = try #require(throws: InputError.self) { try Self.write(Self.old, path) }
      #expect(error.kind == .inconsistent && error.what.contains("\"c\""))
      #expect(try Self.content(path) == Self.new)
      #expect(try names(inFolder: parent) == ["model"])
      mkdir(path + "/sub", 0o700)
      try AtomicFile.write([1], to: path + "/sub/x")
      try Self.write(Self.old, path, discardingOthers: true)
      #expect(try Self.content(path) == Self.old)
      #expect(try names(inFolder: parent) == ["model"])
    }
  }

  @Test func `what fails within the folder is said of the place where it would stand`() throws {
    try withFolder { (folder) throws in
      let target = folder + "/model"
      let directory = try AtomicDirectory(replacing: target)
      for inner in ["", ": header"] {
        let error = try #require(throws: InputError.self) {
          try directory.write("weights") { (path) throws(InputError) in
            throw InputError(.io, "cannot be written", at: path + inner, advice: "Wait.")
          }
        }
        let what = "could not be prepared: cannot be written"
        #expect(error == InputError(.io, what, at: "\(target)/weights\(inner)", advice: "Wait."))
      }
      let elsewhere = InputError(.io, "cannot be read", at: "elsewhere")
      #expect(throws: elsewhere) { try directory.write("weights") { (_) throws(InputError) in throw elsewhere } }
    }
  }

  @Test func `an unfinished file is not committed`() throws {
    try withFolder { parent in
      let folder = try AtomicDirectory(replacing: parent + "/model")
      let file = try AtomicFile(replacing: try folder.path(of: "weights"))
      try file.write([1])
      #expect(errorKind { () throws(InputError) in try folder.commit() } == .inconsistent)
      #expect(errorKind { () throws(InputError) in try folder.commit() } == .io)
      #expect(errorKind { () throws(InputError) in try folder.path(of: "x") } == .io)
      #expect(try names(inFolder: parent) == [])
    }
  }

  @Test func `targets that are no folders, and names that lead elsewhere, are refused`() throws {
    try withFolder { parent in
      try AtomicFile.write([1], to: parent + "/file")
      mkdir(parent + "/real", 0o700)
      symlink("real", parent + "/link")
      func kind(_ path: String) -> InputError.Kind? {
        errorKind { () throws(InputError) in try AtomicDirectory(replacing: path) }
      }
      #expect(kind(parent + "/file") == .io)
      #expect(kind(parent + "/link") == .io)
      #expect(kind(parent + "/file/x") == .io)
      #expect(kind(parent + "/none/x") == .notFound)
      #expect(kind("/") == .badValue)
      let folder = try AtomicDirectory(replacing: parent + "/model")
      #expect(errorKind { () throws(InputError) in try folder.write([1], to: "../x") } == .pathEscape)
      folder.discard()
      #expect(try names(inFolder: parent) == ["file", "link", "real"])
    }
  }

  @Test func `folders within the folder are written and not lost`() throws {
    try withFolder { parent in
      let path = parent + "/model"
      try Self.write(["a": "1", "sub/b": "2", "sub/c": "3"], path)
      #expect(try Self.content(path + "/sub") == ["b": "2", "c": "3"])
      #expect(errorKind { () throws(InputError) in try Self.replace(path, ["a", "sub/b"]) } == .inconsistent)
      #expect(errorKind { () throws(InputError) in try Self.replace(path, ["a"]) } == .inconsistent)
      #expect(try Self.content(path + "/sub") == ["b": "2", "c": "3"])
      try Self.replace(path, ["a", "sub/b", "sub/c"])
      #expect(try Self.content(path + "/sub") == ["b": "new", "c": "new"])
      for name in ["sub/", "/b", "sub/../b", "sub/x/y", "../b", "a/b"] {
        #expect(errorKind { () throws(InputError) in try Self.replace(path, ["a", name]) } != nil, "\(name)")
      }
      #expect(try names(inFolder: parent) == ["model"])
    }
  }

  private static func replace(_ path: String, _ files: [String]) throws(InputError) {
    let folder = try AtomicDirectory(replacing: path)
    for name in files { try folder.write(Array("new".utf8), to: name) }
    try folder.commit()
  }
}
