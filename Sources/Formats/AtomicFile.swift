#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A file that appears under its name whole, or not at all.
///
/// The bytes go to a hidden temporary file in the same folder. `commit` flushes them to the disk, renames the file over
/// the target and flushes the folder. Until then the old content stays as it is; when a step fails, or the object goes
/// away uncommitted, the temporary file is removed.
///
/// A process that is killed leaves the old content and the temporary file; the next write of the same target removes it.
/// (A writer holds a lock on its temporary file, which the system drops with the process.) Of two writers at once each
/// file is whole, and the later commit stays. A target that is a symbolic link is replaced by the file, and what it
/// points to is not touched. The permissions of a replaced file are kept.
///
///     try AtomicFile.write(bytes, to: "config.json")
public final class AtomicFile {
  /// Where the file will stand.
  public let path: String
  private let folder: String
  private let temporary: String
  private var descriptor: Int32?

  /// Creates the temporary file beside `path`.
  ///
  /// - Throws: `notFound` when the folder does not exist; `io` when it cannot be written, or when a folder or a device
  ///   stands at `path`; `badValue` for a path that cannot name a file.
  public init(replacing path: String) throws(InputError) {
    let split = try SplitPath(path)
    let old = try status(path, followingLinks: false)
    guard old == nil || old?.kind == .file || old?.kind == .link else {
      throw InputError(
        .io, old?.kind == .folder ? "is a folder" : "is a pipe, a socket or a device", at: path,
        advice: "Give the path of a file to write.")
    }
    Self.removeLeftovers(of: split)
    let (temporary, descriptor) = try Self.createLocked(split)
    (self.path, folder, self.temporary, self.descriptor) = (path, split.folder, temporary, descriptor)
    if let old, old.kind == .file { fchmod(descriptor, old.permissions) }
  }

  deinit { discard() }

  /// Appends bytes; every call is a call of the system, so hand over big pieces.
  ///
  /// - Throws: `io` when the disk refuses them or the file was given up before; it is then given up.
  public func write(_ bytes: UnsafeRawBufferPointer) throws(InputError) {
    let descriptor = try usable()
    var done = 0
    do throws(InputError) {
      while done < bytes.count {
        let piece = bytes[done..<min(bytes.count, done + 1 << 30)]
        done += try perform(.write, on: path) { shortened in
          writeSome(descriptor, piece.prefix(shortened ? (piece.count + 1) / 2 : piece.count))
        }
      }
    } catch {
      discard()
      throw error
    }
  }

  /// Appends bytes.
  ///
  /// - Throws: As for a buffer.
  public func write(_ bytes: [UInt8]) throws(InputError) {
    try bytes.withUnsafeBufferPointer { (buffer) throws(InputError) in try write(UnsafeRawBufferPointer(buffer)) }
  }

  /// Makes the file appear, durably.
  ///
  /// - Throws: `io` when a step fails. The old content is then intact, with one exception that the message names: when
  ///   only the last step fails, the new file is in place, but a power failure may bring the old one back.
  public func commit() throws(InputError) {
    let descriptor = try usable()
    do throws(InputError) {
      try flush(descriptor, .sync, path)
      try move(temporary, to: path, for: path)
    } catch {
      discard()
      throw error
    }
    self.descriptor = nil
    close(descriptor)
    do throws(InputError) { try flushFolder(folder) } catch {
      throw InputError(
        error.kind, "is in place, but its folder could not be flushed: \(error.what)", at: path, advice: error.advice)
    }
  }

  /// Gives the file up: the temporary file is removed, the old content stays. Does nothing after a commit.
  public func discard() {
    guard let descriptor else { return }
    self.descriptor = nil
    // Removed while the lock is held, so that nobody else takes it for a leftover.
    removeTree(temporary)
    close(descriptor)
  }

  /// Writes a whole file.
  ///
  /// - Throws: What the steps throw.
  public static func write(_ bytes: [UInt8], to path: String) throws(InputError) {
    let file = try AtomicFile(replacing: path)
    try file.write(bytes)
    try file.commit()
  }

  private func usable() throws(InputError) -> Int32 {
    guard let descriptor else { throw InputError(.io, "was committed or given up before", at: path) }
    return descriptor
  }

  private static func createLocked(_ split: SplitPath) throws(InputError) -> (path: String, descriptor: Int32) {
    while true {
      let path = split.sibling(TemporaryName(for: split.name)[.part])
      let descriptor = try perform(.create, on: split.sibling(split.name)) { _ in
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      }
      if try lockIfCurrent(descriptor, path, for: split.sibling(split.name)) { return (path, descriptor) }
      close(descriptor)
    }
  }

  private static func removeLeftovers(of split: SplitPath) {
    for name in (try? names(inFolder: split.folder)) ?? [] {
      guard TemporaryName.parse(name, of: split.name)?.role == .part else { continue }
      let path = split.sibling(name)
      let descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
      guard descriptor >= 0 else { continue }
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { removeTree(path) }
      close(descriptor)
    }
  }
}

/// Locks a file or folder that was just created; false if a cleaner took it for a leftover in between.
///
/// - Throws: `io` when locking fails for another reason; the file is then removed and closed.
func lockIfCurrent(_ descriptor: Int32, _ path: String, for target: String) throws(InputError) -> Bool {
  do throws(InputError) {
    var isTaken = false
    _ = try perform(.lock, on: target) { _ in
      if flock(descriptor, LOCK_EX | LOCK_NB) == 0 { return 0 }
      isTaken = errno == EWOULDBLOCK
      // On a file system without locks a cleaner may remove the file of a living writer, whose commit then fails.
      return isTaken || errno == ENOTSUP || errno == ENOLCK ? 0 : -1
    }
    if isTaken { return false }
    let mine = try FileStatus(descriptor: descriptor, target)
    return try status(path, followingLinks: false)?.identity == mine.identity
  } catch {
    removeTree(path)
    close(descriptor)
    throw error
  }
}
