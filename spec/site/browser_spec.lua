-- The web site of the documentation in Chromium: wide and narrow, light and dark. `./run docs --check` builds the
-- site, runs this, and leaves pictures in build/docs_pictures.

local browser = require "spec.support.browser"
local children = require "spec.support.children"
local markdown = require "docs.make.markdown"

local SITE, PICTURES = "build/docs/", "build/docs_pictures/"
local NARROW, WIDE = 360, 1400 -- pixels

local missing = browser.missing()
if missing then
  return describe("the documentation in a browser", function()
    pending("needs " .. missing .. ", in the Debian packages chromium, chromium-driver, lua-socket and lua-cjson")
  end)
end

local function all_pages()
  local pages = {}
  for path in children.output("cd " .. SITE .. " && find . -name '*.html' | sort"):gmatch "%./([^\n]+)" do
    pages[#pages + 1] = path
  end
  return pages
end

describe("the documentation in a browser", function()
  local b, here

  setup(function()
    here = "file://" .. children.output("pwd"):match "[^\n]+" .. "/" .. SITE
    os.execute("mkdir -p " .. PICTURES)
    b = browser.start()
  end)
  teardown(function()
    b:stop()
  end)

  -- The lightness of the page's background, 0 to 255.
  local function lightness()
    local red, green, blue = b:value("getComputedStyle(document.body).backgroundColor"):match "(%d+), (%d+), (%d+)"
    return (red + green + blue) / 3
  end

  for scheme, is_right in pairs {
    light = function(value) return value > 200 end,
    dark = function(value) return value < 60 end,
  } do
    it("is " .. scheme .. " where that is preferred", function()
      b:show_as(WIDE, 1000, scheme)
      for _, page in ipairs { "index", "concepts", "guide/filters", "reference/collection" } do
        b:open(here .. page .. ".html")
        assert.is_true(is_right(lightness()))
        b:picture(PICTURES .. page:gsub("/", "_") .. "_" .. scheme .. ".png")
      end
    end)
  end

  it("fits a narrow screen: no page scrolls sideways", function()
    b:show_as(NARROW, 740, "light")
    local wide = {}
    for _, page in ipairs(all_pages()) do
      b:open(here .. page)
      local width = b:value "document.documentElement.scrollWidth"
      if width > NARROW then
        wide[#wide + 1] = page .. ": " .. width
      end
    end
    assert.same({}, wide)
    b:open(here .. "guide/filters.html")
    b:picture(PICTURES .. "guide_filters_narrow.png")
  end)

  it("opens its menu on a narrow screen", function()
    b:show_as(NARROW, 740, "light")
    b:open(here .. "guide/filters.html")
    local shown = "document.querySelector('.contents > div').offsetHeight > 0"
    assert.is_false(b:value(shown))
    b:value "document.querySelector('label[for=menu]').click()"
    assert.is_true(b:value(shown))
    b:picture(PICTURES .. "menu_narrow.png")
  end)

  -- The links of the hits for what is typed.
  local function hits_for(query)
    b:open(here .. "index.html")
    b:type("/" .. query)
    return b:value "[...document.querySelectorAll('.search li a')].map((a) => a.getAttribute('href'))"
  end

  it("finds pages by what is typed behind a slash", function()
    b:show_as(WIDE, 1000, "light")
    for query, expected in pairs {
      ["power cut"] = "guide/processes.html#what-survives",
      ["delete_by_filter"] = "reference/collection.html#collection-delete_by_filter",
      ["semantic cache"] = "guide/caches.html",
      ["mv_search"] = "reference/c.html#mv_search",
    } do
      local hits = hits_for(query)
      local rank
      for i, hit in ipairs(hits) do
        rank = rank or hit == expected and i
      end
      assert.is_true(rank ~= nil and rank <= 3, query .. ": " .. table.concat(hits, " "))
    end
    hits_for "power cut"
    b:picture(PICTURES .. "search_light.png")
    b:show_as(NARROW, 740, "dark")
    hits_for "recall"
    b:picture(PICTURES .. "search_narrow_dark.png")
  end)

  it("says when nothing is found", function()
    assert.same({}, hits_for "zebra crossing")
    assert.equal("Nothing has all these words.", b:value "document.querySelector('.search ol').innerText")
  end)

  it("opens the first hit by Enter", function()
    local first = hits_for("durability")[1]
    b:command("Input.dispatchKeyEvent", { type = "keyDown", key = "Enter", code = "Enter", windowsVirtualKeyCode = 13 })
    assert.equal(here .. first, b:value "location.href")
  end)

  it("asks for nothing but its own files, and the console stays empty", function()
    b:console()
    b:requests()
    for _, page in ipairs(all_pages()) do
      b:open(here .. page)
    end
    assert.same({}, b:console())
    local outside = {}
    for _, url in ipairs(b:requests()) do
      if url:sub(1, #here) ~= here and not url:find "^data:" then
        outside[#outside + 1] = url
      end
    end
    assert.same({}, outside)
  end)

  it("shows every picture", function()
    local broken = {}
    for _, page in ipairs(all_pages()) do
      if markdown.read(SITE .. page):find("<img", 1, true) then
        b:open(here .. page)
        if b:value "[...document.images].some((image) => !image.complete || image.naturalWidth === 0)" then
          broken[#broken + 1] = page
        end
      end
    end
    assert.same({}, broken)
  end)
end)
