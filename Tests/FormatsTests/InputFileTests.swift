import Formats
import Foundation
import Testing

@Suite struct InputFiles {
  @Test func `bytes are read where they lie`() throws {
    try withFolder { folder in
      let path = folder + "/f"
      let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
      try AtomicFile.write(bytes, to: path)
      let file = try InputFile(opening: path)
      #expect(file.byteCount == 1000 && file.path == path)
      #expect(try file.read(at: 0, count: 1000) == bytes)
      #expect(try file.read(at: 997, count: 3) == Array(bytes[997...]))
      #expect(try file.read(at: 1000, count: 0) == [])
      #expect(errorKind { () throws(InputError) in try file.read(at: 998, count: 3) } == .truncated)
      #expect(errorKind { () throws(InputError) in try file.read(at: 1, count: .max) } == .truncated)
      #expect(errorKind { () throws(InputError) in try file.read(at: .max, count: .max) } == .truncated)
      #expect(errorKind { () throws(InputError) in try file.read(at: .max, count: 0) } == .truncated)
      #expect(try InputFile.contents(of: path, atMost: 1000) == bytes)
      #expect(errorKind { () throws(InputError) in try InputFile.contents(of: path, atMost: 999) } == .tooLarge)
    }
  }

  @Test func `a file that shrinks while it is open is truncated`() throws {
    try withFolder { folder in
      let path = folder + "/f"
      try AtomicFile.write([UInt8](repeating: 7, count: 100_000), to: path)
      let file = try InputFile(opening: path)
      truncate(path, 50_000)
      #expect(try file.read(at: 49_999, count: 1) == [7])
      #expect(errorKind { () throws(InputError) in try file.read(at: 0, count: 100_000) } == .truncated)
    }
  }

  @Test(.timeLimit(.minutes(5)))
  func `what is no regular file is refused at once`() throws {
    try withFolder { folder in
      mkfifo(folder + "/pipe", 0o600)
      symlink("loop", folder + "/loop")
      symlink("/dev/zero", folder + "/link")
      for path in [folder, folder + "/pipe", "/dev/zero", "/dev/full", folder + "/link", folder + "/loop"] {
        let error = try #require(throws: InputError.self, "\(path)") { try InputFile(opening: path) }
        #expect(error.kind == .io && error.place == path)
      }
    }
  }

  @Test func `a missing file is not found`() throws {
    try withFolder { folder in
      let error = try #require(throws: InputError.self) { try InputFile(opening: folder + "/none") }
      #expect(error.kind == .notFound && error.what.contains("No such file") && !error.advice.isEmpty)
      try AtomicFile.write([], to: folder + "/file")
      #expect(errorKind { () throws(InputError) in try InputFile(opening: folder + "/file/x") } == .io)
      #expect(errorKind { () throws(InputError) in try InputFile(opening: "") } == .notFound)
      #expect(errorKind { () throws(InputError) in try InputFile(opening: folder + "/file\0x") } == .badValue)
    }
  }

  // Skipped for root, whom no permission stops.
  @Test(.enabled(if: geteuid() != 0))
  func `an unreadable file is refused`() throws {
    try withFolder { folder in
      try AtomicFile.write([1], to: folder + "/f")
      chmod(folder + "/f", 0)
      #expect(errorKind { () throws(InputError) in try InputFile(opening: folder + "/f") } == .io)
    }
  }

  @Test(arguments: [
    "../x.safetensors", "/etc/passwd", "a/../../x", #"..\x"#, "./x", #"C:\x"#, "C:x", "file:///x", "~/x", "~x",
    "%2e%2e/x", "", ".", "..", "a\0", "a\nb", "a\u{7f}", "a/\u{301}b", String(repeating: "x", count: 256),
  ])
  func `a name that leads elsewhere is refused`(name: String) {
    #expect(errorKind { () throws(InputError) in try checkPlainFileName(name) } == .pathEscape)
  }

  @Test(arguments: [
    "model-00001-of-00002.safetensors", "a b", ".hidden", "...", "é😀", "a~", String(repeating: "x", count: 255),
  ])
  func `a plain name is accepted`(name: String) {
    #expect(throws: Never.self) { try checkPlainFileName(name) }
  }
}
