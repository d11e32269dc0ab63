#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// The steps of writing that a disk can refuse.
package enum FileStep: String, Sendable, CaseIterable {
  case create, makeFolder, lock, write, sync, rename, remove, syncFolder

  fileprivate var verb: String {
    switch self {
    case .create: "create a file"
    case .makeFolder: "create a folder"
    case .lock: "lock"
    case .write: "write"
    case .sync, .syncFolder: "flush to the disk"
    case .rename: "rename"
    case .remove: "remove"
    }
  }
}

/// A failing disk for tests: asked before every step, it may fail it with an error number or let a write be short.
package enum FileFaults {
  package enum Fault: Sendable { case errno(Int32), shortWrite }

  @TaskLocal package static var before: (@Sendable (FileStep) -> Fault?)?
}

/// Calls `body`, again while it is interrupted, until it succeeds (is not negative) or fails for good.
func perform<Result: SignedInteger>(
  _ step: FileStep, on path: String, _ body: (_ shortened: Bool) -> Result
) throws(InputError) -> Result {
  while true {
    let code: Int32
    switch FileFaults.before?(step) {
    case .errno(let injected): code = injected
    case let other:
      let result = body(other != nil)
      if result >= 0 { return result }
      code = errno
    }
    if code != EINTR { throw systemError(code, "cannot \(step.verb)", path) }
  }
}

/// The error for an `errno`: its text, and what can be done about it.
package func systemError(_ code: Int32, _ what: String, _ path: String) -> InputError {
  let text = strerror(code).map { String(cString: $0) } ?? "unknown error"
  let advice =
    switch code {
    case ENOENT, ENOTDIR: "Check that the path is right and that its folder exists."
    case EACCES, EPERM: "Check the permissions of the file and of its folder."
    case EROFS: "This place is mounted read-only: choose another."
    case ENOSPC, EDQUOT: "Free some space there, or choose another place."
    case EFBIG: "Raise the limit on the size of files (ulimit -f), or choose a place that takes bigger ones."
    case EMFILE, ENFILE: "Too many files are open: raise the limit (ulimit -n)."
    case ELOOP: "Its symbolic links lead in a circle."
    case ENAMETOOLONG: "Choose a shorter name."
    case EIO: "The disk or the network reports a fault: check it, and keep other copies."
    default: ""
    }
  return InputError(code == ENOENT ? .notFound : .io, "\(what): \(text)", at: path, advice: advice)
}

/// What stands at a path.
package enum FileKind: Sendable { case file, folder, link, other }

/// What stands at `path`, and its identity; nil when nothing does.
///
/// - Throws: `io` when the system cannot say, `badValue` for a path with a NUL.
package func fileKind(_ path: String, followingLinks: Bool = true) throws(InputError) -> FileKind? {
  try status(path, followingLinks: followingLinks)?.kind
}

struct FileStatus {
  var kind: FileKind
  var byteCount: Int
  var permissions: mode_t
  var identity: [UInt64]

  init(_ info: stat) {
    kind =
      switch info.st_mode & S_IFMT {
      case S_IFREG: .file
      case S_IFDIR: .folder
      case S_IFLNK: .link
      default: .other
      }
    byteCount = Int(clamping: info.st_size)
    permissions = info.st_mode & 0o777
    identity = [UInt64(truncatingIfNeeded: info.st_dev), UInt64(truncatingIfNeeded: info.st_ino)]
  }

  init(descriptor: Int32, _ path: String) throws(InputError) {
    var info = stat()
    guard fstat(descriptor, &info) == 0 else { throw systemError(errno, "cannot be looked at", path) }
    self.init(info)
  }
}

func status(_ path: String, followingLinks: Bool) throws(InputError) -> FileStatus? {
  try checkPath(path)
  var info = stat()
  guard (followingLinks ? stat(path, &info) : lstat(path, &info)) == 0 else {
    if errno == ENOENT || errno == ENOTDIR { return nil }
    throw systemError(errno, "cannot be looked at", path)
  }
  return FileStatus(info)
}

/// C ends a path at its first NUL: such a path would name another file.
func checkPath(_ path: String) throws(InputError) {
  guard !path.utf8.contains(0) else {
    throw InputError(.badValue, "a path may not hold a NUL", at: JSONString(path).quoted)
  }
}

/// A path taken apart at its last slash; trailing slashes do not count.
struct SplitPath {
  let folder: String
  let name: String

  init(_ path: String) throws(InputError) {
    try checkPath(path)
    var bytes = Array(path.utf8)
    while bytes.count > 1, bytes.last == UInt8(ascii: "/") { bytes.removeLast() }
    let slash = bytes.lastIndex(of: UInt8(ascii: "/"))
    name = String(decoding: bytes[(slash.map { $0 + 1 } ?? 0)...], as: UTF8.self)
    folder = slash.map { $0 == 0 ? "/" : String(decoding: bytes[..<$0], as: UTF8.self) } ?? "."
    guard name != "", name != ".", name != ".." else {
      throw InputError(.badValue, "does not end in the name of a file or folder", at: path)
    }
  }

  /// Where the folder that was here before is kept.
  var previous: String { sibling(name + ".previous") }

  func sibling(_ name: String) -> String { folder == "/" ? "/\(name)" : "\(folder)/\(name)" }
}

/// The names in a folder, without `.` and `..`, in byte order.
///
/// - Throws: `notFound` or `io` when it cannot be read.
package func names(inFolder path: String) throws(InputError) -> [String] {
  try checkPath(path)
  guard let stream = opendir(path) else { throw systemError(errno, "cannot be listed", path) }
  defer { closedir(stream) }
  var names: [String] = []
  while let entry = readdir(stream) {
    guard let offset = MemoryLayout<dirent>.offset(of: \.d_name) else { break }
    let name = (UnsafeRawPointer(entry) + offset).assumingMemoryBound(to: CChar.self)
    names.append(String(cString: name))
  }
  return names.filter { $0 != "." && $0 != ".." }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
}

/// Writes at least one byte of a piece that is not empty; negative on failure.
func writeSome(_ descriptor: Int32, _ piece: Slice<UnsafeRawBufferPointer>) -> Int {
  let bytes = UnsafeRawBufferPointer(rebasing: piece)
  return write(descriptor, bytes.baseAddress, bytes.count)
}

/// Flushes an open file or folder to the disk itself.
func flush(_ descriptor: Int32, _ step: FileStep, _ path: String) throws(InputError) {
  _ = try perform(step, on: path) { _ in
    #if canImport(Darwin)
      // Darwin's fsync leaves the bytes in the drive's cache.
      if fcntl(descriptor, F_FULLFSYNC) == 0 { return 0 }
    #endif
    let result = fsync(descriptor)
    // Some file systems cannot flush folders; they order renames themselves.
    return result != 0 && step == .syncFolder && (errno == EINVAL || errno == ENOTSUP || errno == EBADF) ? 0 : result
  }
}

/// Flushes a folder's entries (creations, renames) to the disk.
func flushFolder(_ path: String) throws(InputError) {
  let descriptor = open(path, O_RDONLY | O_CLOEXEC)
  guard descriptor >= 0 else { throw systemError(errno, "cannot be opened to be flushed", path) }
  defer { close(descriptor) }
  try flush(descriptor, .syncFolder, path)
}

/// The path of an existing file without links and detours; nil where there is none.
package func resolvedPath(_ path: String) -> String? {
  guard !path.utf8.contains(0), let resolved = realpath(path, nil) else { return nil }
  defer { free(resolved) }
  return String(cString: resolved)
}

/// Renames within one file system, replacing a file; complaints are about `target`.
func move(_ old: String, to new: String, for target: String) throws(InputError) {
  _ = try perform(.rename, on: target) { _ in rename(old, new) }
}

/// Removes a file, or a folder with everything in it; follows no links. Says whether it is gone.
@discardableResult func removeTree(_ path: String) -> Bool {
  do throws(InputError) {
    guard let status = try status(path, followingLinks: false) else { return true }
    if status.kind == .folder {
      for name in try names(inFolder: path) { removeTree("\(path)/\(name)") }
      _ = try perform(.remove, on: path) { _ in rmdir(path) }
    } else {
      _ = try perform(.remove, on: path) { _ in unlink(path) }
    }
    return true
  } catch { return false }
}
