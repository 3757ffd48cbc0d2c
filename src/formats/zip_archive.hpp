#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sharcs::internal {

/// A file of a zip archive. The bytes stand in the archive as they are.
struct ZipEntry {
  std::string name;
  std::span<const std::byte> bytes;
  std::uint32_t crc;
};

/// Lists a zip archive whose files are stored, not compressed: what torch.save writes, large archives (zip64) included.
///
/// Every offset is checked: the entries lie in the archive, before its directory, and do not overlap. Their CRC-32 is
/// not checked here. `place` begins the message of the CheckpointError: the archive's file name.
/// Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT (6.3.10).
std::vector<ZipEntry> read_zip_directory(std::span<const std::byte> archive, const std::string& place);

}  // namespace sharcs::internal
