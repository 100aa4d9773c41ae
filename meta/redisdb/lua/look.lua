-- Follows names from a directory and reads what is in the directory that they lead to. It only reads.
--
-- KEYS[1]  any key of the volume: it finds the server in a cluster
-- ARGV     the prefix of all keys, the directory, how many names, then flags (1 or 0): whether the numbers of entries are wanted,
--          the extended attributes of the last directory, those of the inodes in it; how many chunks of files in it are wanted;
--          how many entries it may have for all of them, 0 if some are named; the names; the names in it
--
-- Answer: the directory's attribute; then for each name its entry, and if there is one the attribute of its inode and, when
-- wanted, the number of entries of its directory; then, if the whole path leads to a directory, an array of its extended
-- attributes, how many entries it has, and for each entry in it: name, entry, and if there is one the attribute of its inode, an
-- array of extended attributes and an array of chunks (those that are wanted). nil: something here is too much for numbers of
-- Lua, or for one answer.
local call, byte = redis.call, string.byte
local P, ino, last = ARGV[1], ARGV[2], 8 + tonumber(ARGV[3])
local xattrs, chunks, most = ARGV[6] == '1', tonumber(ARGV[7]), tonumber(ARGV[8])
local attr = call('GET', P .. 'i' .. ino)
local out, dir = { attr }, true

-- The type and the inode of an entry; nothing if they are too much.
local function target(entry)
  if #entry ~= 9 then return end
  local t, b1, b2, b3, b4, b5, b6, b7, b8 = byte(entry, 1, 9)
  if b1 > 0 or b2 >= 16 then return end
  return t, string.format('%.0f', (((((b2 * 256 + b3) * 256 + b4) * 256 + b5) * 256 + b6) * 256 + b7) * 256 + b8)
end

for a = 9, last do
  local key, t = P .. 'd' .. ino, nil
  local entry = call('HGET', key, ARGV[a])
  out[#out + 1] = entry
  if not entry then return out end
  t, ino = target(entry)
  if not t then return false end
  attr = call('GET', P .. 'i' .. ino)
  out[#out + 1] = attr
  if ARGV[4] == '1' then out[#out + 1] = call('HLEN', key) end
  if t ~= 2 then return out end
end
if not attr then return out end

local key = P .. 'd' .. ino
local count = call('HLEN', key)
out[#out + 1] = ARGV[5] == '1' and call('HGETALL', P .. 'x' .. ino) or {}
out[#out + 1] = count
local names, entries = {}, {}
if most > 0 then
  if count > most then return false end
  local all = call('HGETALL', key)
  for i = 1, #all, 2 do
    names[#names + 1] = all[i]
    entries[#entries + 1] = all[i + 1]
  end
else
  for from = last + 1, #ARGV, 1000 do
    for _, v in ipairs(call('HMGET', key, unpack(ARGV, from, math.min(from + 999, #ARGV)))) do
      names[#names + 1] = ARGV[last + 1 + #names]
      entries[#entries + 1] = v
    end
  end
end

local inos, keys, attrs = {}, {}, {}
for i = 1, #entries do
  if entries[i] then
    local t, n = target(entries[i])
    if not t then return false end
    inos[i] = n
    keys[#keys + 1] = P .. 'i' .. n
  end
end
for from = 1, #keys, 1000 do
  for _, v in ipairs(call('MGET', unpack(keys, from, math.min(from + 999, #keys)))) do attrs[#attrs + 1] = v end
end
local found = 0
for i = 1, #entries do
  out[#out + 1] = names[i]
  out[#out + 1] = entries[i]
  if entries[i] then
    found = found + 1
    local a = attrs[found]
    out[#out + 1] = a
    if xattrs then out[#out + 1] = call('HGETALL', P .. 'x' .. inos[i]) end
    if chunks > 0 then
      local list = {}
      if a then
        if #a < 63 then return false end
        if byte(a, 2) >= 16 and byte(a, 2) < 32 then
          local length = 0
          for b = 52, 59 do length = length * 256 + byte(a, b) end
          for c = 0, math.min(chunks, math.ceil(length / 67108864)) - 1 do
            list[#list + 1] = table.concat(call('LRANGE', P .. 'c' .. inos[i] .. '_' .. c, 0, -1))
          end
        end
      end
      out[#out + 1] = list
    end
  end
end
return out
