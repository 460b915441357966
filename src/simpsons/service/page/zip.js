// A ZIP file of files as they are, made in the browser; pictures are compressed already.

const LARGEST = 2 ** 32 - 1; // bytes; what is larger or more needs another kind of ZIP file
const MOST = 2 ** 16 - 1;
const FLAGS = 0x800; // names are UTF-8
const VERSION = 20;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit += 1) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

// Whether so many files of so many bytes together go into one.
export function fits(count, bytes) {
  return count <= MOST && bytes + count * 1000 <= LARGEST;
}

// entries: [{ name, file }]. The files are read one after the other and not kept in memory.
export async function zip(entries) {
  const parts = [];
  const directory = [];
  let offset = 0;
  for (const { name, file } of entries) {
    const path = new TextEncoder().encode(name);
    const check = checksum(new Uint8Array(await file.arrayBuffer()));
    const facts = [
      [VERSION, 2], [FLAGS, 2], [0, 2], ...time(new Date(file.lastModified)),
      [check, 4], [file.size, 4], [file.size, 4], [path.length, 2], [0, 2],
    ];
    const header = bytes([0x04034b50, 4], ...facts);
    parts.push(header, path, file);
    directory.push(bytes(
      [0x02014b50, 4], [VERSION, 2], ...facts, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4],
    ), path);
    offset += header.length + path.length + file.size;
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const end = bytes(
    [0x06054b50, 4], [0, 2], [0, 2], [entries.length, 2], [entries.length, 2],
    [length, 4], [offset, 4], [0, 2],
  );
  return new Blob([...parts, ...directory, end], { type: "application/zip" });
}

// Little-endian numbers: [value, bytes] each.
function bytes(...numbers) {
  return Uint8Array.from(numbers.flatMap(([value, length]) => (
    Array.from({ length }, (_, place) => Math.floor(value / 256 ** place) % 256)
  )));
}

// The time and the date of MS-DOS, which begins in 1980.
function time(date) {
  const year = Math.min(Math.max(date.getFullYear(), 1980), 2107);
  return [
    [date.getHours() * 2048 + date.getMinutes() * 32 + Math.floor(date.getSeconds() / 2), 2],
    [(year - 1980) * 512 + (date.getMonth() + 1) * 32 + date.getDate(), 2],
  ];
}

// CRC-32, as ISO 3309 has it.
function checksum(content) {
  let rest = 0xffffffff;
  for (const byte of content) rest = table[(rest ^ byte) & 0xff] ^ (rest >>> 8);
  return (rest ^ 0xffffffff) >>> 0;
}
