#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// A folder of files that appears under its name whole, or not at all: a saved model, a training checkpoint.
///
/// The files are written into a hidden folder beside the target. `commit` flushes them to the disk and renames:
///
/// | step | at the target | beside it | what `recover` does after a crash here |
/// |---|---|---|---|
/// | writing | old | `.new`, unfinished | removes `.new` |
/// | flushed | old | `.new`, whole | removes `.new` |
/// | old one moved aside | nothing | `.new` and `.old`, both whole | moves `.new` to the target |
/// | new one moved in | new | `.old` | removes `.old` |
///
/// `.new` and `.old` stand for `.<target>.<16 hexadecimal digits>.new` and so on. At every moment a whole folder, old or
/// new, exists; only in the third row `recover` has to bring it back. Creating the next writer of the same target
/// recovers too. Of two writers at once each folder is whole; one of the commits may throw.
///
/// A writer may keep what it replaces: the old folder is then called `.kept` instead of `.old`, and it is not removed but
/// becomes `<target>.previous`, in place of an older one. `recover` finishes that too, so that from the second commit on
/// two whole folders exist at every moment.
///
/// An old folder is only replaced when nothing in it gets lost: every file in it has a successor of the same name, or
/// `supersede` says that others take its place.
///
///     let folder = try AtomicDirectory(replacing: "checkpoints/step-1000")
///     try folder.write(configuration, to: "config.json")
///     try SafetensorsWriter.write(tensors, to: try folder.path(of: "model.safetensors")) { ... }
///     try folder.commit()
public final class AtomicDirectory {
  /// Where the folder will stand.
  public let path: String
  private let split: SplitPath
  private let temporary: TemporaryName
  private let discardsOthers: Bool
  private let keepsReplaced: Bool
  private var descriptor: Int32?
  private var isSuperseded: [(String) -> Bool] = []

  /// Creates the hidden folder beside `path`, after cleaning up what killed writers left.
  ///
  /// - Parameters:
  ///   - discardingOthers: Whether a replaced folder may hold entries that the new one lacks; they are deleted.
  ///   - keepingReplaced: Whether a replaced folder stays, at `previousPath(of: path)`.
  /// - Throws: `notFound` when the folder around it does not exist; `io` when it cannot be written, or when something
  ///   other than a folder stands at `path` (also a symbolic link); `badValue` for a path that cannot name a folder.
  public init(
    replacing path: String, discardingOthers: Bool = false, keepingReplaced: Bool = false
  ) throws(InputError) {
    let split = try SplitPath(path)
    let target = split.sibling(split.name)
    for place in [target] + (keepingReplaced ? [split.previous] : []) {
      guard let kind = try fileKind(place, followingLinks: false), kind != .folder else { continue }
      throw InputError(
        .io, kind == .link ? "is a symbolic link" : "is not a folder", at: place == target ? path : place,
        advice: kind == .link ? "Give the path that it points to." : "Give the path of a folder to write.")
    }
    try Self.recover(target)
    while true {
      let temporary = TemporaryName(for: split.name)
      let staging = split.sibling(temporary[.new])
      _ = try perform(.makeFolder, on: target) { _ in mkdir(staging, 0o777) }
      let descriptor = open(staging, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
      guard descriptor >= 0 else {
        // Another writer's cleaning may come between the two calls, but no more than a few times.
        if errno == ENOENT { continue }
        let error = systemError(errno, "cannot be opened", target)
        removeTree(staging)
        throw error
      }
      if try lockIfCurrent(descriptor, staging, for: target) {
        (self.path, self.split, self.temporary) = (path, split, temporary)
        (discardsOthers, keepsReplaced, self.descriptor) = (discardingOthers, keepingReplaced, descriptor)
        return
      }
      close(descriptor)
    }
  }

  deinit { discard() }

  /// The path to write the file `name` to before the commit, for writers that take a path.
  ///
  /// - Throws: `pathEscape` when it is not a plain file name, `io` after a commit or discard.
  public func path(of name: String) throws(InputError) -> String {
    _ = try usable()
    try checkPlainFileName(name)
    return "\(split.sibling(temporary[.new]))/\(name)"
  }

  /// Writes one file of the folder, or of a folder within it, which is made: `config.json`, `templates/tools.jinja`.
  ///
  /// - Throws: As `path(of:)`, for both parts of the name, and `io` when the disk refuses it.
  public func write(_ bytes: [UInt8], to name: String) throws(InputError) {
    try write(name) { (staged) throws(InputError) in try AtomicFile.write(bytes, to: staged) }
  }

  /// Writes one file by a writer that takes a path; its name is as in `write(_:to:)`.
  ///
  /// - Throws: As `write(_:to:)`, and what `writer` throws, at the place that the file would have had.
  public func write(_ name: String, by writer: (_ staged: String) throws(InputError) -> Void) throws(InputError) {
    let staged = try stagedPath(of: name)
    do throws(InputError) { try writer(staged) } catch {
      guard error.place.utf8.starts(with: staged.utf8) else { throw error }
      let rest = String(decoding: error.place.utf8.dropFirst(staged.utf8.count), as: UTF8.self)
      throw InputError(
        error.kind, "could not be prepared: \(error.what)", at: "\(path)/\(name)\(rest)", advice: error.advice)
    }
  }

  /// Says that what is written here takes the place of other files too, by their names: those of a replaced folder need no
  /// successor of the same name then, where a file that takes its place has such a name as well.
  public func supersede(_ isSuperseded: @escaping (_ name: String) -> Bool) { self.isSuperseded.append(isSuperseded) }

  /// Checks what `commit` will check, before anything is written: that what is replaced loses no file without a successor.
  ///
  /// - Parameters:
  ///   - names: What will be written, as `write(_:to:)` takes it.
  ///   - rule: What `supersede` will be told, beside what it was told already.
  /// - Throws: `inconsistent` as `commit`; `io` when a folder cannot be read.
  public func check(
    writing names: [String], superseding rule: @escaping (_ name: String) -> Bool = { _ in false }
  ) throws(InputError) {
    guard try fileKind(split.sibling(split.name), followingLinks: false) != nil else { return }
    let folders = names.compactMap { name in name.utf8.firstIndex(of: UInt8(ascii: "/")).map { String(name[..<$0]) } }
    try checkNothingIsLost(to: names + folders, isSuperseded + [rule])
  }

  /// The folders that a commit would take from their places: what stands at `path` and, where that is kept, what was kept
  /// before it.
  ///
  /// - Throws: `io` when they cannot be looked at.
  package func displaced() throws(InputError) -> [String] {
    guard try fileKind(split.sibling(split.name), followingLinks: false) != nil else { return [] }
    guard keepsReplaced, try fileKind(split.previous, followingLinks: false) != nil else { return [path] }
    return [path, split.previous]
  }

  /// What was written so far, by name.
  ///
  /// - Throws: `io` after a commit or discard, or when the folder cannot be read.
  package func stagedNames() throws(InputError) -> [String] {
    _ = try usable()
    return try names(inFolder: split.sibling(temporary[.new]))
  }

  /// The path of a file while it is prepared; a folder within this one is made.
  private func stagedPath(of name: String) throws(InputError) -> String {
    let parts = name.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let first = try path(of: parts[0])
    guard parts.count > 1 else { return first }
    try checkPlainFileName(parts[1])
    if try fileKind(first) == nil {
      _ = try perform(.makeFolder, on: "\(path)/\(parts[0])") { _ in mkdir(first, 0o777) }
    }
    return "\(first)/\(parts[1])"
  }

  /// Makes the folder appear, durably, in place of an old one.
  ///
  /// - Throws: `inconsistent` when files of the old folder have no successor or a staged file is unfinished; `io` when a
  ///   step fails. The new folder is then removed and the old one stands, with two exceptions that the message names:
  ///   when even putting the old one back fails, the state is that of the table's third row; when only the last step
  ///   fails, the new one is in place, but a power failure may bring the old one back.
  public func commit() throws(InputError) {
    let descriptor = try usable()
    let target = split.sibling(split.name)
    let asideRole = keepsReplaced ? TemporaryName.Role.kept : .old
    let (new, aside) = (split.sibling(temporary[.new]), split.sibling(temporary[asideRole]))
    // The old folder is locked like the new one, so that `recover` in another process leaves it alone.
    let replaced = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)
    if replaced >= 0 { flock(replaced, LOCK_EX | LOCK_NB) }
    defer { if replaced >= 0 { close(replaced) } }
    do throws(InputError) {
      try flushStaged(new, descriptor)
      let replaces = try fileKind(target, followingLinks: false) != nil
      if replaces {
        try checkNothingIsLost(to: try Self.entries(of: new), isSuperseded)
        try move(target, to: aside, for: path)
      }
      do throws(InputError) { try move(new, to: target, for: path) } catch {
        if replaces { try restore(aside, to: target) }
        throw error
      }
    } catch {
      discard()
      throw error
    }
    self.descriptor = nil
    defer { close(descriptor) }
    do throws(InputError) { try flushFolder(split.folder) } catch {
      throw InputError(
        error.kind, "is in place, but its folder could not be flushed: \(error.what)", at: path, advice: error.advice)
    }
    Self.settle(split, temporary, asideRole)
  }

  /// Gives the folder up: what was written is removed, the old folder stays. Does nothing after a commit.
  public func discard() {
    guard let descriptor else { return }
    self.descriptor = nil
    removeTree(split.sibling(temporary[.new]))
    close(descriptor)
  }

  /// Where a writer that keeps what it replaces puts it: `<path>.previous`.
  ///
  /// - Throws: `badValue` for a path that cannot name a folder.
  public static func previousPath(of path: String) throws(InputError) -> String { try SplitPath(path).previous }

  /// Finishes or undoes what a killed writer of `path` left, as the table above says. Call it before reading a folder
  /// whose writer may have been killed. Writers that still run are left alone.
  ///
  /// - Throws: `io` when a whole folder exists but cannot be moved back; `notFound` when the folder around it does not
  ///   exist. Leftovers that cannot be removed are no error.
  public static func recover(_ path: String) throws(InputError) {
    let split = try SplitPath(path)
    let target = split.sibling(split.name)
    var roles: [String: (TemporaryName, Set<TemporaryName.Role>)] = [:]
    for name in try names(inFolder: split.folder) {
      guard let (role, temporary) = TemporaryName.parse(name, of: split.name), role != .part else { continue }
      roles[temporary.token, default: (temporary, [])].1.insert(role)
    }
    for (temporary, roles) in roles.values.sorted(by: { $0.0.token < $1.0.token }) {
      let new = split.sibling(temporary[.new])
      let aside = [TemporaryName.Role.old, .kept].first { roles.contains($0) }
      let first = roles.contains(.new) ? .new : aside
      let lock = first.map { open(split.sibling(temporary[$0]), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) } ?? -1
      defer { if lock >= 0 { close(lock) } }
      if lock >= 0, flock(lock, LOCK_EX | LOCK_NB) != 0 { continue }
      if let aside {
        if try fileKind(target, followingLinks: false) == nil {
          try move(roles.contains(.new) ? new : split.sibling(temporary[aside]), to: target, for: path)
          try flushFolder(split.folder)
        }
        settle(split, temporary, aside)
      }
      // Only what is locked is known to have no living writer.
      if lock >= 0 { removeTree(new) }
      removeTree(split.sibling(temporary[.gone]))
    }
  }

  /// As `recover`, but only where nothing stands at `path`: for readers, to whom a folder whose writer was killed would
  /// seem absent. `path` may also be that of a file in such a folder.
  ///
  /// - Throws: `io` when a whole folder exists but cannot be moved back.
  public static func recoverIfAbsent(_ path: String) throws(InputError) {
    guard let split = try? SplitPath(path), try fileKind(path) == nil else { return }
    try recoverIfAbsent(around: path)
    if try fileKind(path) == nil, try fileKind(split.folder) == .folder { try recover(path) }
  }

  /// As `recoverIfAbsent(_:)`, of the folder that a file at `path` lies in.
  package static func recoverIfAbsent(around path: String) throws(InputError) {
    if let split = try? SplitPath(path), try fileKind(split.folder) == nil { try recoverIfAbsent(split.folder) }
  }

  /// Does with a replaced folder what its role says. A step that fails is left to the next `recover`.
  private static func settle(_ split: SplitPath, _ temporary: TemporaryName, _ role: TemporaryName.Role) {
    let (aside, gone) = (split.sibling(temporary[role]), split.sibling(temporary[.gone]))
    // Renamed before it is removed: a half removed folder must never be taken for a whole one.
    do throws(InputError) {
      if role == .kept {
        guard try fileKind(aside, followingLinks: false) == .folder else { return }
        if try fileKind(split.previous, followingLinks: false) != nil { try move(split.previous, to: gone, for: gone) }
        try move(aside, to: split.previous, for: split.previous)
      } else {
        try move(aside, to: gone, for: gone)
      }
    } catch { return }
    removeTree(gone)
  }

  private func usable() throws(InputError) -> Int32 {
    guard let descriptor else { throw InputError(.io, "was committed or given up before", at: path) }
    return descriptor
  }

  /// Undoes the moving aside. When even that fails, both folders are left whole for `recover`.
  private func restore(_ old: String, to target: String) throws(InputError) {
    do throws(InputError) { try move(old, to: target, for: path) } catch {
      if let descriptor { close(descriptor) }
      descriptor = nil
      throw InputError(
        error.kind, "could be neither replaced nor put back: \(error.what)", at: path,
        advice: "The next writer of it, or AtomicDirectory.recover, brings the new one to its place.")
    }
  }

  private func flushStaged(_ folder: String, _ descriptor: Int32) throws(InputError) {
    for name in try names(inFolder: folder) {
      guard !TemporaryName.isTemporary(name) else {
        throw InputError(.inconsistent, "holds a file whose writing was not finished", at: "\(path): \(name)")
      }
      let file = open("\(folder)/\(name)", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW)
      guard file >= 0 else { throw systemError(errno, "cannot be opened to be flushed", "\(path)/\(name)") }
      defer { close(file) }
      // What lies in a folder was flushed when it was written.
      let isFolder = try FileStatus(descriptor: file, "\(path)/\(name)").kind == .folder
      try flush(file, isFolder ? .syncFolder : .sync, "\(path)/\(name)")
    }
    try flush(descriptor, .syncFolder, path)
  }

  /// Checks that a folder that stands loses nothing to `successors`, nor an older one to that folder.
  private func checkNothingIsLost(
    to successors: [String], _ rules: [(_ name: String) -> Bool]
  ) throws(InputError) {
    if discardsOthers { return }
    let target = split.sibling(split.name)
    try Self.checkNothingIsLost(target, to: successors, rules, path)
    if keepsReplaced, try fileKind(split.previous) != nil {
      try Self.checkNothingIsLost(split.previous, to: try Self.entries(of: target), rules, split.previous)
    }
  }

  private static func checkNothingIsLost(
    _ old: String, to successors: [String], _ rules: [(_ name: String) -> Bool], _ path: String
  ) throws(InputError) {
    let kept = Set(successors.map { JSONString($0) })
    // An older folder gives way to the one that is being replaced, which may hold nothing in such a file's place.
    let rules = rules.filter { successors.contains(where: $0) }
    let lost = try entries(of: old).filter { name in
      !kept.contains(JSONString(name)) && !TemporaryName.isTemporary(name) && name != ".DS_Store"
        && !rules.contains { $0(name) }
    }
    guard lost.isEmpty else {
      let names = lost.prefix(5).map { JSONString($0).quoted }.joined(separator: ", ")
      throw InputError(
        .inconsistent, "replacing it would delete \(names)" + (lost.count > 5 ? " and \(lost.count - 5) more" : ""),
        at: path, advice: "Save to a new folder, or move these files away.")
    }
  }

  /// What lies in a folder, and in the folders in it.
  private static func entries(of folder: String) throws(InputError) -> [String] {
    var entries: [String] = []
    for name in try names(inFolder: folder) {
      entries.append(name)
      guard try fileKind("\(folder)/\(name)", followingLinks: false) == .folder else { continue }
      entries += try names(inFolder: "\(folder)/\(name)").map { "\(name)/\($0)" }
    }
    return entries
  }
}
