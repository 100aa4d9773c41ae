-- Follows names from a directory and returns what it meets. It only reads. The scripts that walk, look, list a path and commit start
-- with this.

-- The first chunks of a file, at most so many, "" for those that are not there; none of other inodes. Nothing if the attribute is
-- none.
local function content(P, ino, attr, most)
  local byte = string.byte
  if #attr < 63 then return end
  local chunks = {}
  if byte(attr, 2) >= 16 and byte(attr, 2) < 32 then
    local length = 0
    for i = 52, 59 do length = length * 256 + byte(attr, i) end
    for i = 0, math.min(most, math.ceil(length / 67108864)) - 1 do
      chunks[#chunks + 1] = table.concat(redis.call('LRANGE', P .. 'c' .. ino .. '_' .. string.format('%.0f', i), 0, -1))
    end
  end
  return chunks
end

-- P  the prefix of all keys              ino     the directory, in decimal
-- A  the list in which the names are     from    the first of them             n  the last
-- most  how many chunks of a last file are wanted     all  whether the attributes of the last inode are
-- sole  whether the numbers of entries are
--
-- Answer: the directory's attribute; then for each name its entry, and if there is one the attribute of its inode and, when
-- wanted, the number of entries of its directory; then, if the whole path exists and its inode has an attribute, an array of
-- the chunks, "" for those without, and an array of extended attributes. false: something here is too much for numbers of Lua.
-- Behind that, if the whole path exists, the last inode, its type, and its attribute (false if it has none).
local function walk(P, ino, A, from, n, most, all, sole)
  local call = redis.call
  local t, attr = 2, call('GET', P .. 'i' .. ino)
  local out = { attr }
  for a = from, n do
    local dir = P .. 'd' .. ino
    local entry = call('HGET', dir, A[a])
    out[#out + 1] = entry
    if not entry then return out end
    t, ino = target(entry)
    if not t then return false end
    attr = call('GET', P .. 'i' .. ino)
    out[#out + 1] = attr
    if sole then out[#out + 1] = call('HLEN', dir) end
    if a < n and t ~= 2 then return out end
    if a == n and attr then
      local chunks = content(P, ino, attr, most)
      if not chunks then return false end
      out[#out + 1] = chunks
      out[#out + 1] = all and call('HGETALL', P .. 'x' .. ino) or {}
    end
  end
  return out, ino, t, attr
end
