import Formats
import Foundation
import Synchronization
import Testing

/// Makes the disk fail at chosen steps, and records all of them.
final class FailingDisk: Sendable {
  private let log = Mutex<[FileStep]>([])
  private let fault: @Sendable (Int, FileStep) -> FileFaults.Fault?

  init(_ fault: @escaping @Sendable (_ index: Int, _ step: FileStep) -> FileFaults.Fault?) { self.fault = fault }

  var steps: [FileStep] { log.withLock { $0 } }

  func during<R>(_ body: () throws -> R) rethrows -> R {
    try FileFaults.$before.withValue(
      { step in
        let index = self.log.withLock { log in
          log.append(step)
          return log.count - 1
        }
        return self.fault(index, step)
      }, operation: body)
  }
}

@Suite struct AtomicFiles {
  static let old: [UInt8] = Array("old".utf8)
  static let new: [UInt8] = (0..<5000).map { UInt8(truncatingIfNeeded: $0) }

  /// Writes `new` in two pieces.
  static func replace(_ path: String) throws {
    let file = try AtomicFile(replacing: path)
    try file.write(Array(new[..<1000]))
    try file.write(Array(new[1000...]))
    try file.commit()
  }

  static func content(_ path: String) throws -> [UInt8] { try InputFile.contents(of: path, atMost: 1 << 20) }

  @Test func `a file is created, and replaced with its permissions kept`() throws {
    try withFolder { folder in
      let path = folder + "/f"
      try AtomicFile.write(Self.old, to: path)
      #expect(try Self.content(path) == Self.old)
      chmod(path, 0o640)
      try Self.replace(path)
      #expect(try Self.content(path) == Self.new)
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o640)
      #expect(try names(inFolder: folder) == ["f"])
    }
  }

  @Test func `the steps come in the order that a power failure asks for`() throws {
    try withFolder { folder in
      let disk = FailingDisk { _, _ in nil }
      try disk.during { try Self.replace(folder + "/f") }
      #expect(disk.steps == [.create, .lock, .write, .write, .sync, .rename, .syncFolder])
    }
  }

  @Test(arguments: [ENOSPC, EIO, EDQUOT, EROFS])
  func `a disk that fails at any one step leaves the old content and nothing else`(code: Int32) throws {
    for failing in 0... {
      let isDone = try withFolder { folder in
        let path = folder + "/f"
        try AtomicFile.write(Self.old, to: path)
        let disk = FailingDisk { index, _ in index == failing ? .errno(code) : nil }
        let result = Result { try disk.during { try Self.replace(path) } }
        #expect(try names(inFolder: folder) == ["f"], "step \(failing)")
        guard disk.steps.count > failing else {
          #expect(throws: Never.self) { try result.get() }
          return true
        }
        let error = try #require(throws: InputError.self, "step \(failing)") { try result.get() }
        #expect(error.kind == .io && error.what.contains(String(cString: strerror(code))) && !error.advice.isEmpty)
        #expect(error.place.contains(path))
        #expect(try Self.content(path) == (disk.steps[failing] == .syncFolder ? Self.new : Self.old))
        return false
      }
      if isDone {
        #expect(failing == 7)
        break
      }
    }
  }

  @Test func `a process killed at any step leaves a whole file, and the next write cleans up`() throws {
    var outcomes: [[UInt8]] = []
    for crash in 0...7 {
      try withFolder { folder in
        let path = folder + "/f"
        try AtomicFile.write(Self.old, to: path)
        let disk = FailingDisk { index, _ in index >= crash ? .errno(EIO) : nil }
        disk.during { try? Self.replace(path) }
        let content = try Self.content(path)
        #expect(content == Self.old || content == Self.new, "step \(crash)")
        outcomes.append(content)
        // Something is left in between, otherwise this test would show nothing.
        #expect(try names(inFolder: folder).count == ((1...5).contains(crash) ? 2 : 1), "step \(crash)")
        try AtomicFile.write([1], to: path)
        #expect(try names(inFolder: folder) == ["f"])
      }
    }
    #expect(outcomes.contains(Self.old) && outcomes.contains(Self.new))
  }

  @Test func `interrupted and short writes are continued`() throws {
    try withFolder { folder in
      let path = folder + "/f"
      let disk = FailingDisk { index, step in
        index % 2 == 0 ? .errno(EINTR) : step == .write ? .shortWrite : nil
      }
      try disk.during { try Self.replace(path) }
      #expect(try Self.content(path) == Self.new)
      #expect(disk.steps.count { $0 == .write } > 20)
    }
  }

  @Test func `targets that are no files are refused and stay`() throws {
    try withFolder { folder in
      mkdir(folder + "/d", 0o700)
      mkfifo(folder + "/pipe", 0o600)
      try AtomicFile.write(Self.old, to: folder + "/file")
      func kind(_ path: String) -> InputError.Kind? {
        errorKind { () throws(InputError) in try AtomicFile.write(Self.new, to: path) }
      }
      #expect(kind(folder + "/d") == .io)
      #expect(kind(folder + "/pipe") == .io)
      #expect(kind("/dev/full") == .io)
      #expect(kind(folder + "/file/x") == .io)
      #expect(kind(folder + "/none/x") == .notFound)
      #expect(kind(folder + "/a\0b") == .badValue)
      for path in ["", "/", ".", "..", folder + "/.."] { #expect(kind(path) == .badValue, "\(path)") }
      #expect(try names(inFolder: folder) == ["d", "file", "pipe"])
      #expect(try Self.content(folder + "/file") == Self.old)
    }
  }

  @Test func `a symbolic link is replaced, and what it points to stays`() throws {
    try withFolder { folder in
      try AtomicFile.write(Self.old, to: folder + "/blob")
      symlink("blob", folder + "/link")
      try AtomicFile.write(Self.new, to: folder + "/link")
      #expect(try Self.content(folder + "/blob") == Self.old)
      #expect(try Self.content(folder + "/link") == Self.new)
    }
  }

  @Test func `an uncommitted file vanishes`() throws {
    try withFolder { folder in
      do {
        let file = try AtomicFile(replacing: folder + "/f")
        try file.write(Self.new)
        #expect(try names(inFolder: folder).count == 1)
      }
      #expect(try names(inFolder: folder) == [])
      let file = try AtomicFile(replacing: folder + "/f")
      file.discard()
      #expect(errorKind { () throws(InputError) in try file.write([1]) } == .io)
      #expect(errorKind { () throws(InputError) in try file.commit() } == .io)
    }
  }

  @Test func `of two writers at once each file is whole and the later commit stays`() throws {
    try withFolder { folder in
      let path = folder + "/f"
      let first = try AtomicFile(replacing: path)
      try first.write(Self.old)
      let second = try AtomicFile(replacing: path)
      try second.write(Self.new)
      try second.commit()
      #expect(try Self.content(path) == Self.new)
      try first.commit()
      #expect(try Self.content(path) == Self.old)
      #expect(try names(inFolder: folder) == ["f"])
    }
  }

  @Test func `writers that clean up after each other do not disturb each other`() throws {
    try withFolder { (folder) throws in
      let path = folder + "/f"
      let failures = Mutex<[String]>([])
      DispatchQueue.concurrentPerform(iterations: 8) { writer in
        for _ in 0..<100 {
          do {
            try AtomicFile.write([UInt8](repeating: UInt8(writer), count: 3000), to: path)
            let content = try Self.content(path)
            if content.count != 3000 || Set(content).count != 1 { failures.withLock { $0.append("torn") } }
          } catch { failures.withLock { $0.append("\(error)") } }
        }
      }
      #expect(failures.withLock { $0 } == [])
      #expect(try names(inFolder: folder) == ["f"])
    }
  }

  @Test func `only leftovers of the same target are removed`() throws {
    try withFolder { folder in
      let leftover = ".f.0123456789abcdef.part"
      let others = [
        ".f.0123456789abcde.part", ".f.0123456789ABCDEF.part", ".f.g.0123456789abcdef.part", ".f.part", "f.part",
      ]
      for name in others + [leftover] { try Data().write(to: URL(fileURLWithPath: "\(folder)/\(name)")) }
      try AtomicFile.write(Self.new, to: folder + "/f")
      #expect(try Set(names(inFolder: folder)) == Set(others + ["f"]))
    }
  }

  @Test func `names of the greatest length can be written`() throws {
    try withFolder { folder in
      for name in [String(repeating: "x", count: 255), String(repeating: "é", count: 127)] {
        try AtomicFile.write(Self.new, to: "\(folder)/\(name)")
        #expect(try Self.content("\(folder)/\(name)") == Self.new)
      }
      #expect(
        errorKind { () throws(InputError) in
          try AtomicFile.write(Self.new, to: folder + "/" + String(repeating: "x", count: 256))
        } == .io)
      #expect(try names(inFolder: folder).count == 2)
    }
  }
}
