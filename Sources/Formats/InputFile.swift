#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A regular file, open for reading at any offset, from any thread.
///
/// The bytes are copied into memory of the caller's and never mapped: when another program cuts the file short meanwhile,
/// the answer is a `truncated` error and not a signal that ends the process.
public final class InputFile: Sendable {
  /// The path that it was opened by.
  public let path: String
  /// Its size when it was opened.
  public let byteCount: Int
  private let descriptor: Int32

  /// Opens a file, following symbolic links.
  ///
  /// - Throws: `notFound`; `io` when it may not be read, or is a folder, pipe, socket or device (which is not waited for);
  ///   `badValue` for a path with a NUL.
  public init(opening path: String) throws(InputError) {
    try checkPath(path)
    // Without O_NONBLOCK, opening a pipe waits for a writer for ever.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw systemError(errno, "cannot be opened", path) }
    do throws(InputError) {
      let status = try FileStatus(descriptor: descriptor, path)
      guard status.kind == .file else {
        throw InputError(
          .io, status.kind == .folder ? "is a folder" : "is a pipe, a socket or a device", at: path,
          advice: "Give the path of a regular file.")
      }
      (self.path, self.descriptor, byteCount) = (path, descriptor, status.byteCount)
    } catch {
      close(descriptor)
      throw error
    }
  }

  deinit { close(descriptor) }

  /// Fills `buffer` with the bytes from `offset` on.
  ///
  /// - Precondition: `offset` is not negative.
  /// - Throws: `truncated` when the file ends before the buffer is full, `io` when the disk fails.
  public func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(InputError) {
    precondition(offset >= 0, "InputFile.read: the offset \(offset) is negative")
    guard offset <= Int.max - buffer.count else { throw endsEarly(offset, buffer.count) }
    var done = 0
    while done < buffer.count {
      // One call may not ask for more than 2^31 - 1 bytes everywhere.
      let piece = UnsafeMutableRawBufferPointer(rebasing: buffer[done..<min(buffer.count, done + 1 << 30)])
      let count = pread(descriptor, piece.baseAddress, piece.count, off_t(offset + done))
      if count > 0 {
        done += count
      } else if count == 0 {
        throw endsEarly(offset, buffer.count)
      } else if errno != EINTR {
        throw systemError(errno, "cannot be read", path)
      }
    }
  }

  /// The `count` bytes from `offset` on; nothing is allocated before the range is known to lie within the file.
  ///
  /// - Precondition: Neither is negative.
  /// - Throws: `truncated` when the file has no such range, `io` when the disk fails.
  public func read(at offset: Int, count: Int) throws(InputError) -> [UInt8] {
    precondition(offset >= 0 && count >= 0, "InputFile.read: \(count) bytes at \(offset)")
    guard offset <= byteCount, count <= byteCount - offset else { throw endsEarly(offset, count) }
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBufferPointer { (buffer) throws(InputError) in
      try read(at: offset, into: UnsafeMutableRawBufferPointer(buffer))
    }
    return bytes
  }

  /// All bytes of a file.
  ///
  /// - Throws: What opening and reading throw; `tooLarge` for more than `limit` bytes, before anything is allocated.
  public static func contents(of path: String, atMost limit: Int) throws(InputError) -> [UInt8] {
    let file = try InputFile(opening: path)
    guard file.byteCount <= limit else {
      throw InputError(.tooLarge, "has \(file.byteCount) bytes, more than the \(limit) that are read", at: path)
    }
    return try file.read(at: 0, count: file.byteCount)
  }

  private func endsEarly(_ offset: Int, _ count: Int) -> InputError {
    InputError(
      .truncated, "ends before the \(count) bytes at \(offset) are read", at: path,
      advice: "The file is cut short or was changed meanwhile: fetch or write it again.")
  }
}
