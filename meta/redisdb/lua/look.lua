-- Follows names from a directory and reads what is in the directory that they lead to. It only reads.
--
-- KEYS[1]  any key of the volume: it finds the server in a cluster
-- ARGV     the prefix of all keys, the directory, how many names, then flags (1 or 0): whether the numbers of entries are wanted,
--          the extended attributes of the last directory, those of the inodes in it; how many chunks of files in it are wanted;
--          how many entries it may have for all of them, 0 if some are named; the names; the names in it
--
-- Answer: what walk answers; then, if the whole path leads to a directory, how many entries it has, and for each entry in it: name,
-- entry, and if there is one the attribute of its inode, an array of extended attributes and an array of chunks (those that are
-- wanted). Without names the arrays of walk are there, too. nil: something here is too much for numbers of Lua, or for one answer.
local call, P, last = redis.call, ARGV[1], 8 + tonumber(ARGV[3])
local xattrs, chunks, most = ARGV[6] == '1', tonumber(ARGV[7]), tonumber(ARGV[8])
local out, ino, t, attr = walk(P, ARGV[2], ARGV, 9, last, 0, ARGV[5] == '1', ARGV[4] == '1')
if t ~= 2 or not attr then return out end
if last == 8 then
  out[#out + 1] = {}
  out[#out + 1] = ARGV[5] == '1' and call('HGETALL', P .. 'x' .. ino) or {}
end

local key = P .. 'd' .. ino
local count = call('HLEN', key)
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
        list = content(P, inos[i], a, chunks)
        if not list then return false end
      end
      out[#out + 1] = list
    end
  end
end
return out
