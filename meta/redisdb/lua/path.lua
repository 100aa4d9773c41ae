-- Follows names from a directory and returns what it meets. It only reads. Both the script that walks and the one that commits
-- start with this.
--
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
  local call, byte = redis.call, string.byte
  local t, attr = 2, call('GET', P .. 'i' .. ino)
  local out = { attr }
  for a = from, n do
    local dir = P .. 'd' .. ino
    local entry = call('HGET', dir, A[a])
    out[#out + 1] = entry
    if not entry then return out end
    if #entry ~= 9 then return false end
    local b1, b2, b3, b4, b5, b6, b7, b8 = byte(entry, 2, 9)
    if b1 > 0 or b2 >= 16 then return false end
    ino = string.format('%.0f', (((((b2 * 256 + b3) * 256 + b4) * 256 + b5) * 256 + b6) * 256 + b7) * 256 + b8)
    t, attr = byte(entry, 1), call('GET', P .. 'i' .. ino)
    out[#out + 1] = attr
    if sole then out[#out + 1] = call('HLEN', dir) end
    if a < n and t ~= 2 then return out end
    if a == n and attr then
      local chunks, xattrs = {}, {}
      if #attr < 63 then return false end
      if byte(attr, 2) >= 16 and byte(attr, 2) < 32 then
        local length = 0
        for i = 52, 59 do length = length * 256 + byte(attr, i) end
        for i = 0, math.min(most, math.ceil(length / 67108864)) - 1 do
          chunks[#chunks + 1] = table.concat(call('LRANGE', P .. 'c' .. ino .. '_' .. string.format('%.0f', i), 0, -1))
        end
      end
      if all then xattrs = call('HGETALL', P .. 'x' .. ino) end
      out[#out + 1] = chunks
      out[#out + 1] = xattrs
    end
  end
  return out, ino, t, attr
end
