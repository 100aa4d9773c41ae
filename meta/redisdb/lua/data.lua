-- Reads the chunks of files and the reference counts of the slices in them. It only reads.
--
-- KEYS[1]  any key of the volume: it finds the server in a cluster
-- ARGV     the prefix of all keys, how many chunks behind its length a file may have, then of each file its inode and how many
--          chunks its length needs
--
-- Answer: an array of all chunks in order, "" for those without; an array of the counts of all slices in order as they are in the
-- chunks, each time they are. nil: a file has chunks behind its length, or something is too much for numbers of Lua.
local call, byte, format = redis.call, string.byte, string.format
local P, beyond = ARGV[1], tonumber(ARGV[2])
local chunks, slices, behind = {}, {}, {}

for a = 3, #ARGV, 2 do
  local key, n = P .. 'c' .. ARGV[a] .. '_', tonumber(ARGV[a + 1])
  for c = 0, n - 1 do
    local records = call('LRANGE', key .. c, 0, -1)
    chunks[#chunks + 1] = table.concat(records)
    for _, r in ipairs(records) do
      if #r ~= 24 then return false end
      local h1, h2, a6, a5, a4, a3, a2, a1, s4, s3, s2, s1 = byte(r, 5, 16)
      if h1 > 0 or h2 >= 16 then return false end
      local id = (((((h2 * 256 + a6) * 256 + a5) * 256 + a4) * 256 + a3) * 256 + a2) * 256 + a1
      if id > 0 then
        slices[#slices + 1] = format('k%.0f_%.0f', id, ((s4 * 256 + s3) * 256 + s2) * 256 + s1)
      end
    end
  end
  for c = n, n + beyond - 1 do behind[#behind + 1] = key .. c end
  if #behind >= 1000 or a + 2 > #ARGV then
    if call('EXISTS', unpack(behind)) > 0 then return false end
    behind = {}
  end
end

local refs = {}
for from = 1, #slices, 1000 do
  for _, v in ipairs(call('HMGET', P .. 'sliceRef', unpack(slices, from, math.min(from + 999, #slices)))) do refs[#refs + 1] = v end
end
return { chunks, refs }
