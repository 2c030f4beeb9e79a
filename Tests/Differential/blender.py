"""Renders a small scene with Cycles on the processor: blender -b --python blender.py -- WIDTH HEIGHT SAMPLES THREADS

Prints a digest of the pixels (the PNG file itself holds the date), and how many nanoseconds the frame took
when everything was loaded: a tiny frame comes first.
"""
import bpy
import hashlib
import math
import os
import subprocess
import sys
import tempfile
import time

width, height, samples, threads = map(int, sys.argv[sys.argv.index("--") + 1:])
scene = bpy.context.scene

# A glossy monkey, a glass ball and a lamp beside the cube of the start-up file, on a floor.
bpy.ops.mesh.primitive_plane_add(size=20, location=(0, 0, -1))
bpy.ops.mesh.primitive_uv_sphere_add(radius=0.7, location=(2.2, -1.2, -0.3))
glass = bpy.data.materials.new("glass")
glass.use_nodes = True
glass.node_tree.nodes["Principled BSDF"].inputs["Transmission"].default_value = 1
glass.node_tree.nodes["Principled BSDF"].inputs["Roughness"].default_value = 0.05
bpy.context.object.data.materials.append(glass)
bpy.ops.mesh.primitive_monkey_add(location=(-1.2, -2, 0.2), rotation=(0, 0, math.radians(30)))
bpy.context.object.modifiers.new("smooth", "SUBSURF").render_levels = 2
metal = bpy.data.materials.new("metal")
metal.use_nodes = True
metal.node_tree.nodes["Principled BSDF"].inputs["Metallic"].default_value = 1
metal.node_tree.nodes["Principled BSDF"].inputs["Base Color"].default_value = (0.9, 0.6, 0.2, 1)
bpy.context.object.data.materials.append(metal)

scene.render.engine = "CYCLES"
scene.cycles.device = "CPU"
scene.cycles.use_denoising = False  # Debian's Blender is built without it
scene.cycles.seed = 7
scene.render.threads_mode = "FIXED"
scene.render.threads = threads
scene.render.resolution_percentage = 100
scene.render.image_settings.file_format = "PNG"
scene.render.filepath = os.path.join(tempfile.mkdtemp(), "frame.png")


def render(width, height, samples):
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.cycles.samples = samples
    start = time.perf_counter_ns()
    bpy.ops.render.render(write_still=True)
    return time.perf_counter_ns() - start


render(16, 12, 1)
took = render(width, height, samples)
image = bpy.data.images.load(scene.render.filepath)
pixels = bytes(int(255 * value + 0.5) for value in image.pixels[:])
assert len(pixels) == width * height * 4 and len(set(pixels)) > 50
# A driver script asks a shell for things, as add-ons do.
sent = subprocess.run(["sh", "-c", "ls /usr/share/blender | wc -l"], stdout=subprocess.PIPE, text=True)
print("pixels", image.size[0], image.size[1], hashlib.sha256(pixels).hexdigest(), sent.stdout.strip())
print("frame", took)
